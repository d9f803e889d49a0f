use std::fs;
use std::sync::atomic::{AtomicBool, Ordering};

use super::super::test_project::{TestProject, changed, config, options, path};
use super::*;
use crate::diff::file_differences::FileStatus;

const CLIENT: &str = "node_modules/.csbroker/client/created-by-csbroker-generate.js";

#[test]
fn the_first_time_everything_is_new() {
    let project = TestProject::new();
    let generated = project.generate();
    assert!(generated.is_changed);
    assert_eq!(generated.backup, None);
    let new = [("config.ts", FileStatus::Added), ("message-payload.schema.ts", FileStatus::Added)];
    assert_eq!(changed(&generated.differences), new);
    assert_eq!(
        generated.placement,
        Placement::Beside { client: project.at("node_modules/.csbroker/client") }
    );
    assert_eq!(generated.missing_environment, ["CSB_TEST_URI", "CSB_TEST_DATABASE"]);
    assert_eq!(generated.contents.brokers[0].name, "brokerConfig");
    assert!(project.at(CLIENT).exists());
    assert_eq!(project.stage()[&path("config.ts")], config(&[]));
    assert_eq!(project.read(".csbroker/.gitignore"), "*\n");
}

#[test]
fn nothing_is_written_if_nothing_has_changed() {
    let project = TestProject::new();
    project.generate();
    let written = |path| fs::metadata(project.at(path)).unwrap().modified().unwrap();
    let before = [written(CLIENT), written(".csbroker/stage")];
    project.write(".env", "CSB_TEST_URI=mongodb://localhost\n");
    let generated = project.generate();
    assert!(!generated.is_changed && generated.backup.is_none());
    assert!(changed(&generated.differences).is_empty());
    assert_eq!(generated.missing_environment, ["CSB_TEST_DATABASE"]);
    assert_eq!([written(CLIENT), written(".csbroker/stage")], before);
}

#[test]
fn what_is_replaced_is_kept() {
    let project = TestProject::new();
    project.generate();
    project.configure(&["purchases"]);
    let generated = project.generate();
    assert_eq!(changed(&generated.differences), [("config.ts", FileStatus::Modified)]);
    assert_eq!(project.backups(), generated.backup.into_iter().collect::<Vec<_>>());
    let backup = project.history().backups().unwrap().remove(0);
    assert_eq!(project.history().sources_of(&backup).unwrap()[&path("config.ts")], config(&[]));
    assert_eq!(project.stage()[&path("config.ts")], config(&["purchases"]));
    assert!(project.read(CLIENT).contains("purchases"));
}

#[test]
fn a_lost_client_comes_back_and_is_no_reason_for_a_backup() {
    let project = TestProject::new();
    project.generate();
    fs::remove_dir_all(project.at("node_modules/.csbroker")).unwrap();
    let generated = project.generate();
    assert!(generated.is_changed && generated.backup.is_none());
    assert!(project.at(CLIENT).exists());
}

#[test]
fn line_endings_are_staged_but_no_reason_for_a_backup() {
    let project = TestProject::new();
    project.generate();
    project.write("change-stream/config.ts", &config(&[]).replace('\n', "\r\n"));
    let generated = project.generate();
    assert!(generated.is_changed && generated.backup.is_none());
    assert_eq!(project.stage()[&path("config.ts")], config(&[]).replace('\n', "\r\n"));
    assert!(!project.generate().is_changed);
}

#[test]
fn errors_leave_all_as_it_was() {
    let project = TestProject::new();
    project.generate();
    let before = project.read(CLIENT);
    project.write("change-stream/config.ts", "export const brokerConfig = ;\n");
    let error = project.generate_with(&options()).unwrap_err();
    assert!(matches!(error, GenerateError::Compile(CompileError::Invalid(_))), "{error:?}");
    assert_eq!(project.read(CLIENT), before);
    assert_eq!(project.stage()[&path("config.ts")], config(&[]));
    project.configure(&[]);
    fs::remove_dir_all(project.at("node_modules")).unwrap();
    let error = project.generate_with(&options()).unwrap_err();
    assert!(matches!(error, GenerateError::Placement(PlacementError::NotInstalled(_))), "{error:?}");
}

#[test]
fn a_check_writes_nothing_not_even_its_folder() {
    let project = TestProject::new();
    let check = GenerateOptions { is_check: true, ..options() };
    assert!(project.generate_with(&check).unwrap().is_changed);
    assert!(!project.at(".csbroker").exists() && !project.at("node_modules/.csbroker").exists());
    project.generate();
    assert!(!project.generate_with(&check).unwrap().is_changed);
    project.configure(&["purchases"]);
    let checked = project.generate_with(&check).unwrap();
    assert!(checked.is_changed && checked.backup.is_none());
    assert_eq!(changed(&checked.differences), [("config.ts", FileStatus::Modified)]);
    assert_eq!(project.stage()[&path("config.ts")], config(&[]));
}

#[test]
fn a_client_goes_where_the_user_wants_it_but_not_over_other_files() {
    let project = TestProject::new();
    let out = |folder: &str| GenerateOptions { out: Some(folder.into()), ..options() };
    let generated = project.generate_with(&out("made/client")).unwrap();
    assert_eq!(generated.placement, Placement::Out { client: project.at("made/client") });
    assert!(project.at("made/client/created-by-csbroker-generate.js").exists());
    project.write("src/main.ts", "");
    for folder in ["src", ".", "change-stream"] {
        for is_check in [false, true] {
            let options = GenerateOptions { is_check, ..out(folder) };
            let error = project.generate_with(&options).unwrap_err();
            assert!(matches!(error, GenerateError::Io(_)), "{error:?}");
        }
    }
    assert!(project.at("src/main.ts").exists() && project.at("change-stream/config.ts").exists());
}

#[test]
fn a_shared_package_gets_a_forwarding_one() {
    let project = TestProject::new();
    let shared = project.above().join("node_modules/@dafaz/change-stream-broker");
    fs::create_dir_all(shared.join("client")).unwrap();
    fs::remove_dir_all(project.at("node_modules")).unwrap();
    let manifest = r#"{"name":"@dafaz/change-stream-broker","version":"2.0.0","exports":{".":"./index.js"}}"#;
    fs::write(shared.join("package.json"), manifest).unwrap();
    fs::write(shared.join("index.js"), "").unwrap();
    let generated = project.generate();
    assert!(matches!(generated.placement, Placement::Forwarding { .. }));
    assert!(project.at(CLIENT).exists());
    let forwarding = "node_modules/@dafaz/change-stream-broker/index.js";
    assert!(
        project.read(forwarding).contains("../../../../node_modules/@dafaz/change-stream-broker/index.js")
    );
    assert!(!project.generate().is_changed);
    // `npm install` removes it.
    fs::remove_dir_all(project.at("node_modules/@dafaz")).unwrap();
    let check = GenerateOptions { is_check: true, ..options() };
    assert!(project.generate_with(&check).unwrap().is_changed);
    assert!(project.generate().is_changed);
    assert!(project.at(forwarding).exists());
}

#[test]
fn the_next_run_clears_away_what_killed_ones_left() {
    let project = TestProject::new();
    project.generate();
    for left in ["node_modules/.csbroker/.client.csbroker-new", ".csbroker/.stage.csbroker-old"] {
        project.write(&format!("{left}/config.js"), "half");
    }
    project.write("change-stream/.config.ts.csbroker-new", "half");
    assert!(!project.generate().is_changed);
    for folder in ["node_modules/.csbroker", ".csbroker", "change-stream"] {
        let names = fs::read_dir(project.at(folder)).unwrap().map(|entry| entry.unwrap().file_name());
        let left: Vec<_> = names.filter(|name| name.to_string_lossy().contains(".csbroker-")).collect();
        assert!(left.is_empty(), "{left:?}");
    }
}

#[test]
fn a_run_that_was_killed_before_the_stage_is_completed() {
    let project = TestProject::new();
    project.generate();
    let stage = project.above().join("stage-before");
    fs::rename(project.at(".csbroker/stage"), &stage).unwrap();
    project.configure(&["purchases"]);
    project.generate();
    // Client and backup are written, the stage is not.
    fs::remove_dir_all(project.at(".csbroker/stage")).unwrap();
    fs::rename(&stage, project.at(".csbroker/stage")).unwrap();
    assert!(project.generate().is_changed);
    assert_eq!(project.stage()[&path("config.ts")], config(&["purchases"]));
    assert!(!project.generate().is_changed);
}

/// Several at once: a package manager's script, an editor's task and a terminal.
#[cfg(target_os = "linux")]
#[test]
fn several_runs_at_once_leave_a_whole_client() {
    const RUNS: usize = 8;
    let project = TestProject::new();
    project.generate();
    let is_over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let reader = scope.spawn(|| {
            while !is_over.load(Ordering::SeqCst) {
                assert!(fs::read_to_string(project.at(CLIENT)).unwrap().contains("./config.js"));
            }
        });
        let writers: Vec<_> = (0..3)
            .map(|writer| {
                let project = &project;
                scope.spawn(move || {
                    for round in 0..RUNS {
                        let topic = format!("topic{writer}{round}");
                        let file = project.at(&format!("change-stream/.{writer}"));
                        fs::write(&file, config(&[&topic])).unwrap();
                        fs::rename(&file, project.at("change-stream/config.ts")).unwrap();
                        generate_client(&project.project, &options()).unwrap();
                    }
                })
            })
            .collect();
        for writer in writers {
            writer.join().unwrap();
        }
        is_over.store(true, Ordering::SeqCst);
        reader.join().unwrap();
    });
    assert_eq!(project.stage()[&path("config.ts")], project.read("change-stream/config.ts"));
    assert!(!project.generate().is_changed);
    assert!(project.backups().len() <= 10);
}
