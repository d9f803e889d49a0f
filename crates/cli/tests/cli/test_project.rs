//! A project in a folder of its own, and the program run in it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;
use tempfile::TempDir;

pub(crate) const CONFIG: &str = "\
export const brokerConfig = defineBroker({
	mongoUri: process.env.MONGODB_BROKER_URI,
	database: process.env.MONGODB_BROKER_DATABASE,
})

export const purchasesProducerConfig = defineProducer({
	topic: 'purchases.new-purchase',
	partitions: 1,
	retentionMs: 7 * 24 * 60 * 60 * 1000,
})

export const purchasesConsumerConfig = defineConsumer({
	groupId: 'classroom-service',
	topic: 'purchases.new-purchase',
})
";
pub(crate) const SCHEMA: &str = "\
export interface PurchaseCreatedPayload {
	customer: { id: string }
}
";

/// A project.
pub(crate) struct TestProject {
    folder: TempDir,
}

/// What a run came to.
#[derive(Debug)]
pub(crate) struct Finished {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl TestProject {
    /// An empty folder.
    pub(crate) fn empty() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    /// A project with the package installed and with nothing in `change-stream/`.
    pub(crate) fn installed() -> Self {
        let project = Self::empty();
        let dependencies = r#"{"dependencies": {"@dafaz/change-stream-broker": "2.0.0"}}"#;
        project.write("package.json", dependencies);
        let package = r#"{"name": "@dafaz/change-stream-broker", "version": "2.0.0"}"#;
        project.write("node_modules/@dafaz/change-stream-broker/package.json", package);
        project
    }

    /// A project with files to generate from.
    pub(crate) fn ready() -> Self {
        let project = Self::installed();
        project.write("change-stream/config.ts", CONFIG);
        project.write("change-stream/message-payload.schema.ts", SCHEMA);
        project
    }

    /// The same with a client, and `partitions: 3` instead of 1 in a second one; so there is a backup.
    pub(crate) fn generated_twice() -> Self {
        let project = Self::ready();
        project.run(&["generate"]).expect_code(0);
        project.set_partitions(1, 3);
        project.run(&["generate"]).expect_code(0);
        project
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn file(&self, path: &str) -> PathBuf {
        self.folder.path().join(path)
    }

    pub(crate) fn write(&self, path: &str, text: &str) {
        let (file, whole) = (self.file(path), self.file(".whole"));
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        // At once: whoever watches must not read half of it.
        fs::write(&whole, text).unwrap();
        fs::rename(whole, file).unwrap();
    }

    pub(crate) fn read(&self, path: &str) -> String {
        fs::read_to_string(self.file(path)).unwrap()
    }

    pub(crate) fn has(&self, path: &str) -> bool {
        self.file(path).exists()
    }

    /// Edits `config.ts` as a user would.
    pub(crate) fn set_partitions(&self, from: u32, to: u32) {
        let config = self.read("change-stream/config.ts");
        let edited = config.replace(&format!("partitions: {from},"), &format!("partitions: {to},"));
        assert_ne!(config, edited);
        self.write("change-stream/config.ts", &edited);
    }

    /// The program in this folder, with an environment that is the same everywhere.
    pub(crate) fn program(&self, args: &[&str]) -> Command {
        let mut program = Command::new(env!("CARGO_BIN_EXE_csbroker"));
        program.args(args).current_dir(self.path()).env_clear();
        program.env("PATH", std::env::var_os("PATH").unwrap_or_default());
        program.envs([("LANG", "C.UTF-8"), ("TERM", "xterm-256color"), ("TZ", "UTC")]);
        program.stdin(Stdio::null());
        program
    }

    /// Runs the program to its end.
    pub(crate) fn run(&self, args: &[&str]) -> Finished {
        Finished::of(&mut self.program(args))
    }

    /// Runs it with `--json`, and reads its only document.
    pub(crate) fn run_json(&self, args: &[&str]) -> (i32, Value) {
        let finished = self.run(&[args, &["--json"]].concat());
        assert_eq!(finished.err, "", "{finished:?}");
        (finished.code, serde_json::from_str(&finished.out).unwrap())
    }

    /// The names of the backups, newest first.
    pub(crate) fn backups(&self) -> Vec<String> {
        let (_, document) = self.run_json(&["backups"]);
        let name = |backup: &Value| backup["name"].as_str().unwrap().to_owned();
        document["backups"].as_array().unwrap().iter().map(name).collect()
    }
}

impl Finished {
    /// Runs a command to its end.
    pub(crate) fn of(program: &mut Command) -> Self {
        let output = program.output().unwrap();
        Self {
            code: output.status.code().unwrap(),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        }
    }

    #[track_caller]
    pub(crate) fn expect_code(self, code: i32) -> Self {
        assert_eq!(self.code, code, "{self:?}");
        self
    }
}
