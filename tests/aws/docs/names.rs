//! The names that the pages set as code: whatever looks like one of ours is in what is deployed.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use defender_functions::operations::OPERATIONS;
use regex_lite::Regex;

use super::pages;
use crate::{checkout, unrolled::Template};

/// AWS's, SAM's, and those of the Open Cybersecurity Schema Framework that are put together.
const FOREIGN: [&str; 11] = [
    "CUSTOM_JWT",
    "FailedInvocations",
    "MaximumMessageSize",
    "PassThrough",
    "confidence_id",
    "disposition_id",
    "impact_id",
    "parameter_overrides",
    "priority_id",
    "severity_id",
    "verdict_id",
];

/// `an_operation`, `A_VARIABLE`, `AnOutput` or the parameter of `Parameter=value`.
const OURS: &str = r"^(?:([a-z]+(?:_[a-z]+)+|[A-Z][A-Z0-9]+(?:_[A-Z0-9]+)+|(?:[A-Z][a-z]+){2,})|([A-Z][A-Za-z]+)=.*)$";

/// An operation, a variable, a parameter, an output, a resource, an error or a metric that is misspelled, or gone, is found by this.
#[test]
fn every_name_in_the_docs_is_in_what_is_deployed() {
    let (ours, deployed) = (Regex::new(OURS).expect("a pattern"), deployed());
    let mut unknown = BTreeSet::new();
    for page in pages::all() {
        for word in &page.words {
            let names = ours.captures(word);
            let name = names.and_then(|names| {
                names
                    .iter()
                    .skip(1)
                    .flatten()
                    .next()
                    .map(|name| name.as_str())
            });
            if let Some(name) =
                name.filter(|name| !deployed.contains(*name) && !FOREIGN.contains(name))
            {
                unknown.insert(format!("{}: {name}", page.name));
            }
        }
    }
    let unknown: Vec<_> = unknown.into_iter().collect();
    assert!(
        unknown.is_empty(),
        "nothing is called so:\n{}",
        unknown.join("\n")
    );
}

#[test]
fn every_parameter_of_the_template_is_explained() {
    let page = pages::read("docs/deploy.md".to_owned());
    let template = Template::unrolled();
    for parameter in template.0["Parameters"]
        .as_object()
        .expect("parameters")
        .keys()
    {
        assert!(
            page.words.contains(parameter),
            "docs/deploy.md has no row for {parameter}"
        );
    }
}

/// A permission that nobody needs is misspelled, or too much.
#[test]
fn every_permission_in_the_docs_is_one_that_an_operation_needs() {
    let permission =
        Regex::new(r"\b(?:[A-Z][A-Za-z]+)(?:\.[A-Z][A-Za-z]+){1,2}\b").expect("a pattern");
    let kinds = [
        "Read",
        "ReadWrite",
        "All",
        "Isolate",
        "Scan",
        "Manage",
        "Offboard",
    ];
    let needed: BTreeSet<&str> = OPERATIONS
        .iter()
        .map(|entry| entry.permissions)
        .flat_map(|all| [all.graph, all.xdr, all.endpoint, all.also].concat())
        .collect();
    for page in pages::all() {
        let code = page.blocks.iter().map(|block| &block.text);
        for text in page.words.iter().chain(code) {
            for found in permission.find_iter(text).map(|found| found.as_str()) {
                let looks = found.split('.').skip(1).any(|part| kinds.contains(&part));
                let removed = found == "User.Read";
                assert!(
                    !looks || removed || needed.contains(found),
                    "{}: {found}",
                    page.name
                );
            }
        }
    }
}

/// The words of the code, the template and the workflows, and the names that the template's loops make.
fn deployed() -> BTreeSet<String> {
    let word = Regex::new(r"[A-Za-z0-9_]+").expect("a pattern");
    let mut words = BTreeSet::new();
    for file in files(&["src", "workflows", "template.yaml", "monitoring.yaml"].map(checkout)) {
        let text =
            fs::read_to_string(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        words.extend(word.find_iter(&text).map(|found| found.as_str().to_owned()));
    }
    let template = Template::unrolled();
    words.extend(
        template.0["Resources"]
            .as_object()
            .expect("resources")
            .keys()
            .cloned(),
    );
    words
}

/// These files, and those in these folders.
fn files(paths: &[PathBuf]) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for path in paths.iter().filter(|path| path.exists()) {
        if path.is_dir() {
            let inside = fs::read_dir(path)
                .expect("a folder")
                .map(|entry| entry.expect("an entry").path());
            files.extend(self::files(&inside.collect::<Vec<_>>()));
        } else {
            files.push(Path::new(path).to_owned());
        }
    }
    files
}
