//! `csbroker generate`: the client of the user's files.

use super::changes::{changed, summary};
use super::client_report::{ClientDocument, contents_lines, milliseconds};
use super::placement_note::placement_note;
use super::{CommandContext, Failure, exit_code};
use crate::args::GenerateArgs;
use crate::generation::generate_client::{GenerateOptions, Generated, generate_client};
use crate::project::project_folder::Project;
use crate::terminal::Terminal;

pub(crate) fn run(args: &GenerateArgs, context: &mut CommandContext<'_>) -> Result<i32, Failure> {
    let project = match context.project() {
        Ok(project) => project,
        Err(_) if args.if_present => return Ok(nothing_present(context.terminal)),
        Err(failure) => return Err(failure),
    };
    let options = context.generate_options(args.out.as_deref(), &args.keep)?;
    let options = GenerateOptions { is_check: args.check, ..options };
    let generated =
        generate_client(&project, &options).map_err(|error| Failure::of_generating(error, &project))?;
    Ok(if args.check {
        tell_check(&generated, &project, context.terminal)
    } else {
        tell(&generated, &project, context.terminal)
    })
}

/// Silent: a layer of an image has package.json before it has sources.
fn nothing_present(terminal: &mut Terminal) -> i32 {
    terminal.document(&serde_json::json!({ "ok": true, "changed": false, "client": null }));
    exit_code::DONE
}

fn tell(generated: &Generated, project: &Project, terminal: &mut Terminal) -> i32 {
    if generated.is_changed {
        terminal.done(&format!("client generated in {} ms", milliseconds(generated)));
        for line in contents_lines(&generated.contents, terminal.look()) {
            terminal.result(&format!("  {line}"));
        }
        if let Some(backup) = &generated.backup {
            terminal.result(&format!("  previous state kept as {backup}"));
        }
    } else {
        terminal.done("client up to date");
    }
    tell_warnings(generated, project, terminal);
    terminal.document(&ClientDocument::of(generated, project));
    exit_code::DONE
}

fn tell_check(generated: &Generated, project: &Project, terminal: &mut Terminal) -> i32 {
    let document = ClientDocument { ok: !generated.is_changed, ..ClientDocument::of(generated, project) };
    terminal.document(&document);
    if !generated.is_changed {
        terminal.done("client up to date");
        return exit_code::DONE;
    }
    let changes = summary(&changed(&generated.differences));
    let reason = if changes.is_empty() { String::new() } else { format!(" ({changes})") };
    terminal.fail(&format!("the client is missing or out of date{reason}"));
    terminal.explain("  Run: npx csbroker generate");
    exit_code::PROBLEM
}

/// What is noteworthy about the files, the environment and the place.
pub(crate) fn tell_warnings(generated: &Generated, project: &Project, terminal: &mut Terminal) {
    for warning in &generated.warnings {
        terminal.frame(warning);
    }
    if let Some(line) = missing_environment(&generated.missing_environment) {
        terminal.warn(&line);
    }
    if generated.is_changed
        && let Some(note) = placement_note(&generated.placement, project)
    {
        terminal.warn(&note);
    }
}

fn missing_environment(names: &[String]) -> Option<String> {
    match names {
        [] => None,
        [name] => Some(format!("{name} is not set here; the app will need it")),
        names => Some(format!("{} are not set here; the app will need them", super::changes::listing(names))),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::compile::{ClientContents, ConsumerEntry};
    use crate::project::installation::Placement;
    use crate::source::source_files::SourceFiles;
    use crate::terminal::captured;

    fn generated(is_changed: bool) -> Generated {
        Generated {
            is_changed,
            differences: vec![],
            placement: Placement::Beside { client: "/p/node_modules/.csbroker/client".into() },
            sources: SourceFiles::new(),
            contents: ClientContents {
                consumers: vec![ConsumerEntry {
                    name: "purchasesConsumerConfig".to_owned(),
                    topic: Some("purchases.new-purchase".to_owned()),
                    payload: Some("PurchaseCreatedPayload".to_owned()),
                    group: Some("classroom-service".to_owned()),
                }],
                ..ClientContents::default()
            },
            warnings: vec![],
            missing_environment: vec!["MONGODB_BROKER_URI".to_owned()],
            backup: Some("backup_20261123_065552".to_owned()),
            elapsed: Duration::from_micros(3_400),
        }
    }

    fn project() -> Project {
        Project { root: "/p".into() }
    }

    #[test]
    fn says_what_is_in_the_client() {
        let (mut terminal, out, err) = captured::terminal(false);
        assert_eq!(tell(&generated(true), &project(), &mut terminal), 0);
        let lines = "\
✔ client generated in 3 ms
  purchasesConsumerConfig  ←  purchases.new-purchase   PurchaseCreatedPayload   group classroom-service
  previous state kept as backup_20261123_065552
";
        assert_eq!(out.text(), lines);
        assert_eq!(err.text(), "! MONGODB_BROKER_URI is not set here; the app will need it\n");
    }

    #[test]
    fn the_document_says_the_same() {
        let (mut terminal, out, err) = captured::terminal(true);
        tell(&generated(true), &project(), &mut terminal);
        let document: serde_json::Value = serde_json::from_str(&out.text()).unwrap();
        assert_eq!(document["client"], "node_modules/.csbroker/client");
        assert_eq!((&document["mode"], &document["ms"]), (&"sibling".into(), &3.into()));
        assert_eq!(document["consumers"][0]["group"], "classroom-service");
        assert_eq!(err.text(), "");
    }

    #[test]
    fn a_check_fails_when_there_is_something_to_write() {
        let (mut terminal, out, err) = captured::terminal(false);
        assert_eq!(tell_check(&generated(true), &project(), &mut terminal), 1);
        assert_eq!(out.text(), "");
        assert!(err.text().starts_with("✖ the client is missing or out of date\n"));
        assert_eq!(tell_check(&generated(false), &project(), &mut terminal), 0);
        assert_eq!(out.text(), "✔ client up to date\n");
    }

    #[test]
    fn variables_are_listed() {
        assert_eq!(missing_environment(&[]), None);
        let two = ["A".to_owned(), "B".to_owned()];
        assert_eq!(missing_environment(&two).unwrap(), "A and B are not set here; the app will need them");
    }
}
