//! `csbroker watch`, as a process.

use std::fs;

use rustix::process::Signal;
use serde_json::Value;

use crate::running_program::RunningProgram;
use crate::test_project::{CONFIG, SCHEMA, TestProject};

const BROKEN: &str = "export const brokerConfig = defineBroker({\n";

fn watching(project: &TestProject, args: &[&str]) -> RunningProgram {
    let watch = RunningProgram::start(&mut project.program(&[&["watch"], args].concat()));
    // What it says at first goes to another output, and may be heard later.
    watch.line_with(" ms");
    watch
}

fn end(watch: RunningProgram, signal: Signal) {
    watch.signal(signal);
    let (code, _) = watch.finish();
    assert_eq!(code, Some(0));
}

#[test]
fn each_change_makes_a_line() {
    let project = TestProject::ready();
    let watch = watching(&project, &[]);
    project.set_partitions(1, 2);
    let line = watch.line_with("generated in ");
    assert!(line.ends_with(" ms (config.ts)") && line[8..].starts_with(" ✔ "), "{line}");
    assert!(project.read("node_modules/.csbroker/client/config.js").contains("partitions: 2"));
    end(watch, Signal::INT);
}

#[test]
fn a_broken_file_is_shown_and_its_repair_too() {
    let project = TestProject::ready();
    let watch = watching(&project, &[]);
    project.write("change-stream/config.ts", BROKEN);
    watch.line_with("change-stream/config.ts:");
    assert!(watch.line_with("1 error(s)")[8..].starts_with(" ✖ "));
    project.write("change-stream/config.ts", CONFIG);
    watch.line_with("✔ fixed, up to date in ");
    project.write("change-stream/config.ts", BROKEN);
    watch.line_with("1 error(s)");
    project.write("change-stream/config.ts", &CONFIG.replace("partitions: 1", "partitions: 4"));
    watch.line_with("✔ fixed, generated in ");
    end(watch, Signal::TERM);
}

#[test]
fn it_begins_with_broken_files() {
    let project = TestProject::ready();
    project.write("change-stream/config.ts", BROKEN);
    let watch = watching(&project, &[]);
    project.write("change-stream/config.ts", CONFIG);
    watch.line_with("✔ fixed, generated in ");
    end(watch, Signal::INT);
}

#[test]
fn editors_replace_files() {
    let project = TestProject::ready();
    let watch = watching(&project, &[]);
    for partitions in 2..5 {
        let edited = CONFIG.replace("partitions: 1", &format!("partitions: {partitions}"));
        fs::rename(project.file("change-stream/config.ts"), project.file("change-stream/config.ts~"))
            .unwrap();
        project.write("change-stream/.config.ts.swp", &edited);
        fs::rename(project.file("change-stream/.config.ts.swp"), project.file("change-stream/config.ts"))
            .unwrap();
        watch.line_with("generated in ");
    }
    end(watch, Signal::INT);
}

#[test]
fn deleted_files_and_folders_are_awaited() {
    let project = TestProject::ready();
    let watch = watching(&project, &[]);
    fs::remove_file(project.file("change-stream/config.ts")).unwrap();
    watch.line_with(" ✖ ");
    project.write("change-stream/config.ts", CONFIG);
    watch.line_with("fixed");
    for partitions in 2..4 {
        // At once: file by file it would be seen in between.
        fs::rename(project.file("change-stream"), project.file("away")).unwrap();
        fs::remove_dir_all(project.file("away")).unwrap();
        watch.line_with("✖ change-stream/ is gone; waiting for it");
        project.write("change-stream/message-payload.schema.ts", SCHEMA);
        project.write(
            "change-stream/config.ts",
            &CONFIG.replace("partitions: 1", &format!("partitions: {partitions}")),
        );
        watch.line_with("fixed, generated in ");
    }
    project.set_partitions(3, 9);
    watch.line_with("(config.ts)");
    end(watch, Signal::INT);
}

#[test]
fn imported_files_elsewhere_are_watched() {
    let project = TestProject::ready();
    let watch = watching(&project, &[]);
    project.write("src/names.ts", "export const TOPIC = 'purchases.one'\n");
    let importing = format!(
        "import {{ TOPIC }} from '../src/names'\n{}",
        CONFIG.replace("'purchases.new-purchase'", "TOPIC")
    );
    project.write("change-stream/config.ts", &importing);
    watch.line_with("generated in ");
    project.write("src/names.ts", "export const TOPIC = 'purchases.two'\n");
    watch.line_with("(../src/names.ts)");
    fs::remove_dir_all(project.file("src")).unwrap();
    watch.line_with(" ✖ ");
    project.write("src/names.ts", "export const TOPIC = 'purchases.three'\n");
    watch.line_with("fixed, generated in ");
    end(watch, Signal::INT);
}

#[test]
fn polling_sees_changes_too() {
    let project = TestProject::ready();
    let watch = watching(&project, &["--poll"]);
    project.set_partitions(1, 2);
    watch.line_with("(config.ts)");
    end(watch, Signal::INT);
}

#[test]
fn each_run_is_a_document_on_a_line() {
    let project = TestProject::ready();
    let watch = RunningProgram::start(&mut project.program(&["watch", "--json"]));
    let document = |part| serde_json::from_str::<Value>(&watch.line_with(part)).unwrap();
    assert_eq!(document("\"ok\"")["changed"], true);
    project.write("change-stream/config.ts", BROKEN);
    let failed = document("\"ok\"");
    assert_eq!((&failed["ok"], &failed["error"]["code"]), (&false.into(), &"invalid-files".into()));
    assert!(failed["at"].is_string());
    watch.signal(Signal::INT);
    assert_eq!(watch.finish(), (Some(0), vec![]));
}
