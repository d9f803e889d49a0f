//! `docs/states.md`.

use super::lease_states;
use super::markdown::Markdown;
use crate::consumer::{delivery_states, lane_states};
use crate::feed::partition_buffer;
use crate::store::memory::states::{letter, member, owner};

const INTRODUCTION: &str = "The states of those parts of the engine that change in one place, at once, and without \
    asking anybody. Every table is made by trying each event in each state on the code that the engine runs; a state \
    that is added to the code without being added here fails the generation. How the parts play together, and the \
    states of broker, consumer and partition, which change over several calls, are in \
    [ARCHITECTURE.md](../ARCHITECTURE.md#states).\n\n\
    A cell names the state afterwards; `–` means that it stays as it is. What was answered stands in parentheses. An \
    empty cell: the engine does not do that in this state.";

#[test]
fn export_reference_states() {
    let machines = [
        member::machine(),
        lease_states::machine(),
        owner::machine(),
        partition_buffer::states::machine(),
        lane_states::machine(),
        delivery_states::machine(),
        letter::machine(),
    ];
    let mut document = Markdown::generated_from("the code, by crates/core/src/reference/");
    document.heading(1, "States");
    document.paragraphs(INTRODUCTION);
    for machine in &machines {
        machine.write_to(&mut document);
    }
    document.write("states.md");
}
