//! The files that `init` writes. Those of the examples are the examples themselves, which are built and tested.

use crate::args::Example;

/// A file to be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Template {
    /// From the project's root, with `/`.
    pub(crate) path: &'static str,
    pub(crate) text: String,
}

const CONFIG: &str = "change-stream/config.ts";

macro_rules! producer {
    ($path:literal) => {
        ($path, include_str!(concat!("../../../../examples/nestjs-producer/", $path)))
    };
}

macro_rules! consumer {
    ($path:literal) => {
        ($path, include_str!(concat!("../../../../examples/nestjs-consumer/", $path)))
    };
}

const EVERY_PROJECT: [(&str, &str); 2] =
    [producer!("change-stream/message-payload.schema.ts"), producer!("change-stream/csbroker-env.d.ts")];
const BOTH: &str = include_str!("templates/config.ts");
const PRODUCER: [(&str, &str); 6] = [
    producer!("change-stream/config.ts"),
    producer!("src/messaging/change-stream.service.ts"),
    producer!("src/messaging/messaging.module.ts"),
    producer!("src/services/purchases.service.ts"),
    producer!("src/catalogue/customers.ts"),
    producer!("src/catalogue/products.ts"),
];
const CONSUMER: [(&str, &str); 5] = [
    consumer!("change-stream/config.ts"),
    consumer!("src/messaging/change-stream.service.ts"),
    consumer!("src/messaging/messaging.module.ts"),
    consumer!("src/http/services/enrollments.service.ts"),
    consumer!("src/database/database.module.ts"),
];

/// The files of a project with this example. Only ES modules name the extension of what they import.
pub(crate) fn templates(example: Option<Example>, is_module: bool) -> Vec<Template> {
    let own: &[(&str, &str)] = match example {
        None => &[(CONFIG, BOTH)],
        Some(Example::NestProducer) => &PRODUCER,
        Some(Example::NestConsumer) => &CONSUMER,
    };
    let (config, sources) = own.split_at(1);
    let template = |(path, text): &(&'static str, &str)| Template {
        path,
        text: if is_module { (*text).to_owned() } else { without_extensions(text) },
    };
    config.iter().chain(&EVERY_PROJECT).chain(sources).map(template).collect()
}

/// The packages that an example imports, other than ours.
pub(crate) fn packages(example: Example) -> &'static [&'static str] {
    match example {
        Example::NestProducer => &["@nestjs/common"],
        Example::NestConsumer => &["@nestjs/common", "mongodb"],
    }
}

/// What is left to do with an example.
pub(crate) fn next_step(example: Example) -> &'static str {
    match example {
        Example::NestProducer => {
            "import MessagingModule in the module that provides PurchasesService, Customers and Products"
        }
        Example::NestConsumer => "import MessagingModule in your main module",
    }
}

/// Relative imports without `.js`.
fn without_extensions(text: &str) -> String {
    let line = |line: &str| match line.trim_end().strip_suffix(".js'") {
        Some(import) if import.contains(" from './") || import.contains(" from '../") => {
            format!("{import}'\n")
        }
        _ => line.to_owned(),
    };
    text.split_inclusive('\n').map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(example: Option<Example>, is_module: bool, path: &str) -> String {
        templates(example, is_module).into_iter().find(|template| template.path == path).unwrap().text
    }

    #[test]
    fn the_first_example_sends_and_receives_as_the_others_do() {
        let both = text(None, true, CONFIG);
        let producer = text(Some(Example::NestProducer), true, CONFIG);
        let consumer = text(Some(Example::NestConsumer), true, CONFIG);
        assert!(both.starts_with(&producer));
        let consumers =
            consumer.find("// ====").map(|_| consumer.split("// EXAMPLE - CREATE CONSUMERS").nth(1).unwrap());
        assert!(both.ends_with(consumers.unwrap()));
    }

    #[test]
    fn only_modules_import_with_an_extension() {
        let path = "src/messaging/messaging.module.ts";
        let module = text(Some(Example::NestConsumer), true, path);
        let common = text(Some(Example::NestConsumer), false, path);
        assert!(module.contains("from '../database/database.module.js'\n"));
        assert!(common.contains("from '../database/database.module'\n"));
        assert_eq!(module.lines().count(), common.lines().count());
        assert!(!common.contains(".js'"));
    }

    #[test]
    fn whatever_an_example_imports_is_written_too() {
        for example in [Example::NestProducer, Example::NestConsumer] {
            let files = templates(Some(example), false);
            for file in files.iter().filter(|file| file.path.starts_with("src/")) {
                for import in file.text.split(" from '").skip(1).filter_map(|rest| rest.split('\'').next()) {
                    check_import(&files, file, import, example);
                }
            }
        }
    }

    fn check_import(files: &[Template], file: &Template, import: &str, example: Example) {
        let known = ["@dafaz/change-stream-broker", "@dafaz/change-stream-broker/client"];
        if !import.starts_with('.') {
            assert!(
                import.starts_with("node:") || known.contains(&import) || packages(example).contains(&import),
                "{import}"
            );
            return;
        }
        let mut folder: Vec<&str> = file.path.split('/').collect();
        folder.pop();
        for part in import.split('/') {
            match part {
                "." => {}
                ".." => drop(folder.pop()),
                part => folder.push(part),
            }
        }
        let path = format!("{}.ts", folder.join("/"));
        assert!(files.iter().any(|file| file.path == path), "{path}");
    }
}
