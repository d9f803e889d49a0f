//! `csbroker init`.

use crate::test_project::TestProject;

const PACKAGE: &str = r#"{
  "name": "purchases",
  "scripts": {
    "build": "nest build",
    "postinstall": "husky"
  },
  "dependencies": {
    "@dafaz/change-stream-broker": "^2.0.0"
  }
}
"#;
const TSCONFIG: &str =
    "{\n  \"extends\": \"./tsconfig.json\",\n  \"exclude\": [\"node_modules\", \"dist\"]\n}\n";

fn nest_project() -> TestProject {
    let project = TestProject::installed();
    project.write("package.json", PACKAGE);
    project.write("tsconfig.json", "{\n  // strict\n  \"compilerOptions\": {\"outDir\": \"./dist\"},\n}\n");
    project.write("tsconfig.build.json", TSCONFIG);
    project.write(".gitignore", "dist");
    project
}

#[test]
fn files_are_written_and_edits_are_advised() {
    let project = nest_project();
    let run = project.run(&["init"]).expect_code(0);
    assert_eq!(
        run.out,
        "  created  change-stream/config.ts
  created  change-stream/message-payload.schema.ts
  created  change-stream/csbroker-env.d.ts
  to do    tsconfig.build.json   exclude \"change-stream\", so that dist/main stays where it is
  to do    package.json          add to scripts postinstall, prebuild: csbroker generate --if-present
  to do    .gitignore            add .csbroker/

Next: put MONGODB_BROKER_URI and MONGODB_BROKER_DATABASE in .env, edit the two files, then
  npx csbroker generate
"
    );
    assert_eq!(run.err, "");
    assert_eq!(project.read("package.json"), PACKAGE);
    project.run(&["generate"]).expect_code(0);
}

#[test]
fn edits_are_made_with_yes_and_only_once() {
    let project = nest_project();
    let run = project.run(&["init", "-y"]).expect_code(0);
    assert!(
        run.out.contains(
            "  updated  package.json          scripts postinstall, prebuild: csbroker generate --if-present\n"
        ),
        "{}",
        run.out
    );
    let expected = PACKAGE.replace(
        "\"husky\"",
        "\"husky && csbroker generate --if-present\",\n    \"prebuild\": \"csbroker generate --if-present\"",
    );
    assert_eq!(project.read("package.json"), expected);
    assert!(project.read("tsconfig.build.json").contains("\"dist\", \"change-stream\"]"));
    assert_eq!(project.read(".gitignore"), "dist\n.csbroker/\n");
    let again = project.run(&["init", "-y"]).expect_code(0);
    assert!(!again.out.contains("updated"), "{}", again.out);
    assert!(
        again.out.contains("  kept     change-stream/config.ts                   (exists; --force replaces it after a backup)\n"),
        "{}",
        again.out
    );
}

#[test]
fn edited_files_are_replaced_only_by_force_and_after_a_copy() {
    let project = nest_project();
    project.write("change-stream/config.ts", "mine");
    project.run(&["init", "-y"]).expect_code(0);
    assert_eq!(project.read("change-stream/config.ts"), "mine");
    let (_, document) = project.run_json(&["init", "--force"]);
    assert_eq!(document["files"][0]["action"], "updated");
    assert_ne!(project.read("change-stream/config.ts"), "mine");
    let copies: Vec<_> = std::fs::read_dir(project.file("change-stream"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.display().to_string().contains("config.ts.before-init-"))
        .collect();
    assert_eq!(std::fs::read_to_string(&copies[0]).unwrap(), "mine");
}

#[test]
fn broken_files_are_left_alone() {
    let project = nest_project();
    project.write("package.json", "{ broken");
    project.write("tsconfig.build.json", "[");
    let run = project.run(&["init", "-y"]).expect_code(0);
    assert!(run.out.contains("  skipped  package.json          it is not valid JSON"), "{}", run.out);
    assert!(run.out.contains("  skipped  tsconfig.build.json   it cannot be parsed"), "{}", run.out);
    assert_eq!(project.read("package.json"), "{ broken");
    assert!(project.has("change-stream/config.ts"));
}

#[test]
fn a_package_for_development_only_is_not_enough() {
    let project = TestProject::empty();
    project.write("package.json", r#"{"devDependencies": {"@dafaz/change-stream-broker": "2"}}"#);
    project.write("src/a.ts", "");
    let run = project.run(&["--cwd", "src", "init"]).expect_code(0);
    assert!(run.err.contains("is in devDependencies"), "{}", run.err);
    assert!(project.has("change-stream/config.ts"), "beside package.json");
}

#[test]
fn examples_come_whole() {
    for (example, files) in [
        ("nest-producer", ["src/services/purchases.service.ts", "src/catalogue/products.ts"]),
        ("nest-consumer", ["src/http/services/enrollments.service.ts", "src/database/database.module.ts"]),
    ] {
        let project = nest_project();
        let run = project.run(&["init", "--example", example]).expect_code(0);
        for file in files
            .iter()
            .chain(&["src/messaging/change-stream.service.ts", "src/messaging/messaging.module.ts"])
        {
            assert!(run.out.contains(&format!("  created  {file}\n")), "{}", run.out);
            assert!(!project.read(file).contains(".js'\n"), "no ES module: {file}");
        }
        assert!(run.err.contains("the example also needs @nestjs/common"), "{}", run.err);
        project.run(&["generate"]).expect_code(0);
    }
}
