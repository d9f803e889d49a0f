//! What the values in `config.ts` are, as far as that can be told without running it.

mod built_ins;
mod calls;
pub(crate) mod changed_constants;
mod enumerations;
pub(crate) mod evaluator;
mod expressions;
mod json_values;
pub(crate) mod module_names;
pub(crate) mod name_index;
pub(crate) mod name_origins;
mod namespaces;
mod operators;
mod patterns;
pub(crate) mod value;
