//! `csbroker generate`.

use crate::test_project::{Finished, TestProject};

const WARNING: &str =
    "! MONGODB_BROKER_URI and MONGODB_BROKER_DATABASE are not set here; the app will need them\n";

#[test]
fn the_first_client_says_what_is_in_it() {
    let project = TestProject::ready();
    let run = project.run(&["generate"]).expect_code(0);
    let lines: Vec<&str> = run.out.lines().collect();
    assert!(lines[0].starts_with("✔ client generated in ") && lines[0].ends_with(" ms"), "{}", run.out);
    assert_eq!(
        lines[1..],
        [
            "  purchasesProducerConfig  →  purchases.new-purchase   PurchaseCreatedPayload",
            "  purchasesConsumerConfig  ←  purchases.new-purchase   PurchaseCreatedPayload   group classroom-service",
        ]
    );
    assert_eq!(run.err, WARNING);
    assert!(project.has("node_modules/.csbroker/client/created-by-csbroker-generate.mjs"));
}

#[test]
fn what_is_replaced_is_kept_and_the_same_again_is_up_to_date() {
    let project = TestProject::generated_twice();
    assert_eq!(project.backups().len(), 1);
    let run = project.run(&["generate"]).expect_code(0);
    assert_eq!(run.out, "✔ client up to date\n");
    project.set_partitions(3, 5);
    let run = project.run(&["generate"]).expect_code(0);
    let newest = project.backups().remove(0);
    assert!(run.out.ends_with(&format!("\n  previous state kept as {newest}\n")), "{}", run.out);
}

#[test]
fn variables_that_are_set_are_not_mentioned() {
    let project = TestProject::ready();
    project.write(".env", "MONGODB_BROKER_DATABASE=purchase-events\n");
    let set = Finished::of(project.program(&["generate"]).env("MONGODB_BROKER_URI", "mongodb://h"));
    assert_eq!(set.expect_code(0).err, "");
}

#[test]
fn marks_are_ascii_and_colours_are_a_choice() {
    let project = TestProject::ready();
    let ascii = Finished::of(project.program(&["generate"]).env("LANG", "C")).expect_code(0);
    assert!(ascii.out.starts_with("ok client generated"), "{}", ascii.out);
    assert!(ascii.out.contains("  ->  ") && ascii.out.is_ascii() && ascii.err.is_ascii());
    let color = |args: &[&str], variables: &[(&str, &str)]| {
        let run = Finished::of(project.program(args).envs(variables.iter().copied())).expect_code(0);
        run.out.contains('\u{1b}')
    };
    assert!(!color(&["generate"], &[]));
    assert!(color(&["generate", "--color", "always"], &[("NO_COLOR", "1")]));
    assert!(color(&["generate"], &[("FORCE_COLOR", "1")]));
    assert!(!color(&["generate"], &[("FORCE_COLOR", "1"), ("NO_COLOR", "1")]));
}

#[test]
fn a_broken_file_stops_it_and_nothing_is_written() {
    let project = TestProject::generated_twice();
    let client = "node_modules/.csbroker/client/config.js";
    let before = project.read(client);
    project.write("change-stream/config.ts", "export const brokerConfig = defineBroker({\n");
    let run = project.run(&["generate"]).expect_code(1);
    assert_eq!(run.out, "");
    assert!(run.err.contains("change-stream/config.ts:"), "{}", run.err);
    assert!(run.err.ends_with("✖ 1 error(s); nothing was written\n"), "{}", run.err);
    assert_eq!(project.read(client), before);

    let (code, document) = project.run_json(&["generate"]);
    assert_eq!((code, &document["ok"]), (1, &false.into()));
    assert_eq!(document["diagnostics"][0]["file"], "change-stream/config.ts");
    assert_eq!(document["diagnostics"][0]["severity"], "error");
}

#[test]
fn a_check_writes_nothing() {
    let project = TestProject::ready();
    let run = project.run(&["generate", "--check"]).expect_code(1);
    assert!(run.err.starts_with("✖ the client is missing or out of date"), "{}", run.err);
    assert!(!project.has("node_modules/.csbroker") && !project.has(".csbroker/stage"));
    project.run(&["generate"]).expect_code(0);
    assert_eq!(project.run(&["generate", "--check"]).expect_code(0).out, "✔ client up to date\n");
    project.set_partitions(1, 2);
    let run = project.run(&["generate", "--check"]).expect_code(1);
    assert!(run.err.contains("(config.ts +1 -1)"), "{}", run.err);
    let (code, document) = project.run_json(&["generate", "--check"]);
    assert_eq!((code, &document["ok"], &document["changed"]), (1, &false.into(), &true.into()));
}

#[test]
fn the_document_has_everything() {
    let project = TestProject::ready();
    let (code, document) = project.run_json(&["generate"]);
    assert_eq!(code, 0);
    assert_eq!(document["client"], "node_modules/.csbroker/client");
    assert_eq!(
        (&document["ok"], &document["changed"], &document["mode"]),
        (&true.into(), &true.into(), &"sibling".into())
    );
    assert_eq!(document["brokers"][0]["name"], "brokerConfig");
    assert_eq!(document["producers"][0]["payload"], "PurchaseCreatedPayload");
    assert_eq!(document["consumers"][0]["group"], "classroom-service");
    assert_eq!(document["missingEnvironment"][0], "MONGODB_BROKER_URI");
    assert!(document["ms"].as_u64().unwrap() > 0 && document["backup"].is_null());
}

#[test]
fn without_the_package_the_way_to_install_it_is_told() {
    let project = TestProject::empty();
    project.write("change-stream/config.ts", crate::test_project::CONFIG);
    project.write("change-stream/message-payload.schema.ts", crate::test_project::SCHEMA);
    project.write("yarn.lock", "");
    let run = project.run(&["generate"]).expect_code(1);
    assert!(run.err.contains("is not installed in"), "{}", run.err);
    assert!(run.err.contains("Run: yarn add @dafaz/change-stream-broker"), "{}", run.err);
    project.run(&["generate", "--out", ".csbroker-client"]).expect_code(0);
    assert!(project.has(".csbroker-client/created-by-csbroker-generate.js"));
}

#[test]
fn a_shared_package_is_forwarded_to() {
    let project = TestProject::installed();
    project.write("services/orders/package.json", "{}");
    project.write("services/orders/change-stream/config.ts", crate::test_project::CONFIG);
    project.write("services/orders/change-stream/message-payload.schema.ts", crate::test_project::SCHEMA);
    let run = project.run(&["--cwd", "services/orders", "generate"]).expect_code(0);
    assert!(run.err.contains("let the script `postinstall`"), "{}", run.err);
    assert!(project.has("services/orders/node_modules/@dafaz/change-stream-broker/package.json"));
    let again = project.run(&["--cwd", "services/orders", "generate"]).expect_code(0);
    assert!(!again.err.contains("postinstall"));
}

#[test]
fn as_many_backups_are_kept_as_the_user_wants() {
    let project = TestProject::ready();
    for round in 1..=4 {
        project.run(&["generate", "--keep-backups", "2"]).expect_code(0);
        project.set_partitions(round, round + 1);
    }
    assert_eq!(project.backups().len(), 2);
    Finished::of(project.program(&["generate"]).env("CSBROKER_KEEP_BACKUPS", "1")).expect_code(0);
    assert_eq!(project.backups().len(), 1);
}

#[test]
fn quiet_is_quiet() {
    let project = TestProject::ready();
    let run = project.run(&["generate", "-q"]).expect_code(0);
    assert_eq!((run.out.as_str(), run.err.as_str()), ("", ""));
}
