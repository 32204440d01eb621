//! The table of operations polices the places that repeat it.

use std::collections::HashSet;

use defender_functions::{error::Code, operation::Group, operations::OPERATIONS};

use crate::{event, root};

#[test]
fn names_and_routes_are_unique_and_well_formed() {
    let (mut names, mut routes) = (HashSet::new(), HashSet::new());
    for entry in OPERATIONS {
        assert!(names.insert(entry.name), "{}", entry.name);
        assert!(routes.insert((entry.method, entry.path)), "{}", entry.path);
        assert!(
            entry.name.contains('_')
                && entry
                    .name
                    .bytes()
                    .all(|byte| byte.is_ascii_lowercase() || byte == b'_')
        );
        assert!(entry.path.starts_with('/') && !entry.path.ends_with('/'));
        assert!(
            !(entry.changes && entry.method == "GET"),
            "{} changes by a GET",
            entry.name
        );
        assert!(!entry.summary.is_empty() && !entry.summary.ends_with('.'));
        let asks_nothing =
            matches!(entry.group, Group::Token | Group::Tenants) || entry.name == "get_checkpoint";
        assert_eq!(entry.permissions.is_none(), asks_nothing, "{}", entry.name);
    }
}

#[test]
fn every_operation_has_a_sample_input_and_every_sample_an_operation() {
    for entry in OPERATIONS {
        let input: serde_json::Value =
            serde_json::from_str(&event(&format!("{}.json", entry.name))).unwrap();
        assert!(input.is_object());
    }
    let files = std::fs::read_dir(root().join("events")).unwrap();
    let samples: HashSet<_> = files
        .map(|file| file.unwrap().path())
        .filter(|path| path.extension().is_some_and(|ending| ending == "json"))
        .map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned())
        .collect();
    assert_eq!(
        samples,
        OPERATIONS
            .iter()
            .map(|entry| entry.name.to_owned())
            .collect()
    );
}

#[test]
fn the_readme_explains_every_error() {
    let readme = std::fs::read_to_string(root().join("README.md")).unwrap();
    for code in Code::ALL {
        let (name, status) = (code.name(), code.status());
        let row = readme.contains(&format!("| `{name}` | {status} |"));
        let later = readme.contains(&format!("`{name}` ({status})"));
        assert!(row || later, "{name}");
    }
}

#[test]
fn the_example_for_contributors_is_the_code_itself() {
    let read = |path: &str| std::fs::read_to_string(root().join(path)).unwrap();
    let guide = read("CONTRIBUTING.md");
    let sources = [
        read("src/operations/investigations.rs"),
        read("template.yaml"),
    ];
    let examples: Vec<_> = guide.split("   ```").skip(1).step_by(2).collect();
    assert_eq!(examples.len(), sources.len());
    for (example, source) in examples.into_iter().zip(sources) {
        for line in example
            .lines()
            .skip(1)
            .filter(|line| !line.trim().is_empty())
        {
            assert!(source.contains(line.trim()), "CONTRIBUTING.md shows {line}");
        }
    }
}
