//! Errors of the engine as JavaScript errors with properties.

use bson::{Document, doc};
use csb_core::error::Error;
use csb_core::error_code::Effect;
use csb_core::producer::MessageStatus;
use napi::bindgen_prelude::JsValue;
use napi::{Env, Status};

/// A JavaScript error with `code`, `kind`, `retryable`, `effect` and where it happened. Only on the JavaScript thread.
pub(crate) fn to_js(env: &Env, error: &Error) -> napi::Error {
    build(env, error, None).unwrap_or_else(|failure| failure)
}

/// The same for a failed send, with a `status` that says what it may have left behind, and one for each of its messages.
pub(crate) fn to_js_of_send(env: &Env, error: &Error, statuses: &[MessageStatus]) -> napi::Error {
    let statuses = statuses.iter().copied().map(status_text).collect();
    build(env, error, Some(SendStatus { whole: send_status(error), statuses }))
        .unwrap_or_else(|failure| failure)
}

struct SendStatus {
    whole: &'static str,
    statuses: Vec<&'static str>,
}

fn build(env: &Env, error: &Error, status: Option<SendStatus>) -> napi::Result<napi::Error> {
    let mut object = env.create_error(napi::Error::new(Status::GenericFailure, error.message()))?;
    object.set("code", error.code().as_str())?;
    object.set("kind", error.kind().as_str())?;
    object.set("retryable", error.is_retryable())?;
    object.set("effect", error.effect().as_str())?;
    if let Some(status) = status {
        object.set("status", status.whole)?;
        if !status.statuses.is_empty() {
            object.set("statuses", status.statuses)?;
        }
    }
    let context = error.context();
    if let Some(topic) = &context.topic {
        object.set("topic", topic.as_str())?;
    }
    if let Some(partition) = context.partition {
        object.set("partition", partition)?;
    }
    if let Some(group_id) = &context.group_id {
        object.set("groupId", group_id.as_str())?;
    }
    if let Some(cause) = error.cause() {
        object.set("causeText", cause)?;
    }
    Ok(napi::Error::from(object.to_unknown()))
}

fn status_text(status: MessageStatus) -> &'static str {
    match status {
        MessageStatus::Written => "written",
        MessageStatus::NotWritten => "notWritten",
        MessageStatus::Unknown => "unknown",
    }
}

fn send_status(error: &Error) -> &'static str {
    match error.effect() {
        Effect::None => "notWritten",
        Effect::Possible => "unknown",
    }
}

/// The same as a document, for errors that no call is waiting for.
pub(crate) fn to_document(error: &Error) -> Document {
    let mut document = doc! {
        "code": error.code().as_str(),
        "message": error.message(),
        "kind": error.kind().as_str(),
        "retryable": error.is_retryable(),
        "effect": error.effect().as_str(),
    };
    let context = error.context();
    if let Some(topic) = &context.topic {
        document.insert("topic", topic);
    }
    if let Some(partition) = context.partition {
        document.insert("partition", partition);
    }
    if let Some(group_id) = &context.group_id {
        document.insert("groupId", group_id);
    }
    if let Some(cause) = error.cause() {
        document.insert("causeText", cause);
    }
    document
}
