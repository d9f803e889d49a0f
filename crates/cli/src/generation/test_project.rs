//! A project on disk, for tests.

use std::fs;
use std::path::PathBuf;

use super::generate_client::{GenerateError, GenerateOptions, Generated, generate_client, working_files};
use crate::diff::file_differences::{FileDifference, FileStatus, compare};
use crate::history::history_folder::History;
use crate::project::project_folder::Project;
use crate::source::module_path::ModulePath;
use crate::source::source_files::SourceFiles;

const SCHEMA: &str = "export interface PurchaseCreated {\n  id: string\n}\n";
const BROKER: &str = "export const brokerConfig = defineBroker({\n  mongoUri: process.env.CSB_TEST_URI,\n  \
                      database: process.env.CSB_TEST_DATABASE,\n})\n";

/// A project with the package installed in it, and the simplest of configurations.
pub(crate) struct TestProject {
    folder: tempfile::TempDir,
    pub(crate) project: Project,
}

impl TestProject {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let root = fs::canonicalize(folder.path()).unwrap().join("p");
        let project = Self { folder, project: Project { root } };
        project.write("node_modules/@dafaz/change-stream-broker/package.json", "{}");
        project.write("change-stream/config.ts", BROKER);
        project.write("change-stream/message-payload.schema.ts", SCHEMA);
        project
    }

    pub(crate) fn history(&self) -> History {
        History::of(&self.project)
    }

    pub(crate) fn at(&self, path: &str) -> PathBuf {
        self.project.root.join(path)
    }

    pub(crate) fn write(&self, path: &str, text: &str) {
        fs::create_dir_all(self.at(path).parent().unwrap()).unwrap();
        fs::write(self.at(path), text).unwrap();
    }

    pub(crate) fn read(&self, path: &str) -> String {
        fs::read_to_string(self.at(path)).unwrap()
    }

    /// Changes the configuration: producers for these topics.
    pub(crate) fn configure(&self, topics: &[&str]) {
        self.write("change-stream/config.ts", &config(topics));
    }

    pub(crate) fn generate(&self) -> Generated {
        generate_client(&self.project, &options()).unwrap()
    }

    pub(crate) fn generate_with(&self, options: &GenerateOptions) -> Result<Generated, GenerateError> {
        generate_client(&self.project, options)
    }

    pub(crate) fn stage(&self) -> SourceFiles {
        self.history().stage().unwrap().unwrap()
    }

    pub(crate) fn backups(&self) -> Vec<String> {
        self.history().backups().unwrap().into_iter().map(|backup| backup.name).collect()
    }

    /// From the stage to the user's files.
    pub(crate) fn differences(&self) -> Vec<FileDifference> {
        compare(&self.stage(), &working_files(&self.project).unwrap())
    }

    /// The folder that has nothing but the project.
    pub(crate) fn above(&self) -> PathBuf {
        fs::canonicalize(self.folder.path()).unwrap()
    }
}

pub(crate) fn options() -> GenerateOptions {
    GenerateOptions { out: None, running_package: None, keep: 10, is_check: false }
}

pub(crate) fn config(topics: &[&str]) -> String {
    let producer = |topic: &&str| {
        format!(
            "\nexport const {topic}ProducerConfig = defineProducer({{\n  topic: '{topic}',\n  partitions: 1,\n  \
             retentionMs: 86400000,\n}})\n"
        )
    };
    let producers: Vec<_> = topics.iter().map(producer).collect();
    format!("{BROKER}{}", producers.concat())
}

pub(crate) fn path(path: &str) -> ModulePath {
    ModulePath::parse(path).unwrap()
}

/// Which files differ, and how.
pub(crate) fn changed(differences: &[FileDifference]) -> Vec<(&str, FileStatus)> {
    let changed = differences.iter().filter(|difference| difference.status != FileStatus::Unchanged);
    changed.map(|difference| (difference.path.as_str(), difference.status)).collect()
}
