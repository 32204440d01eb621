//! What the pages show and do not run.

use std::process::Command;

use serde_json::Value;

use super::pages;
use crate::{
    node::Node,
    python::{Python, run},
};

#[test]
fn json_and_yaml_examples_can_be_parsed() {
    let python = Python::cloud();
    for page in pages::all() {
        for block in &page.blocks {
            let place = format!("{}:{}", page.name, block.line);
            match block.language.as_str() {
                "json" => {
                    let parsed = serde_json::from_str::<Value>(&block.text);
                    assert!(parsed.is_ok(), "{place}: {parsed:?}");
                }
                "yaml" => {
                    // CloudFormation's own tags are no mistakes.
                    let script = "import sys, yaml\n\
                        class Tags(yaml.SafeLoader): pass\n\
                        Tags.add_multi_constructor('!', lambda loader, tag, node: None)\n\
                        yaml.load(sys.argv[1], Tags)";
                    run(Command::new(python.program("python")).args(["-c", script, &block.text]));
                }
                "" | "sh" | "python" | "kql" | "text" | "logs" | "sql" => {}
                language => panic!("{place}: nothing here knows what {language:?} is"),
            }
        }
    }
}

#[test]
fn asl_validator_finds_nothing_to_say_of_the_examples() {
    let node = Node::asl();
    let mut seen = 0;
    for page in pages::all() {
        for block in page.blocks.iter().filter(|block| block.language == "json") {
            let example: Value = serde_json::from_str(&block.text).expect("tested above");
            if !example["States"].is_object() {
                continue;
            }
            let found = node.asl_js("validate", &example);
            assert_eq!(
                found["isValid"], true,
                "{}:{}: {found}",
                page.name, block.line
            );
            seen += 1;
        }
    }
    assert!(seen > 0, "no page shows a workflow");
}

#[test]
fn what_is_not_run_is_at_least_a_script() {
    for page in pages::all() {
        for block in page.blocks.iter().filter(|block| block.language == "sh") {
            let place = format!("{}:{}", page.name, block.line);
            let output = Command::new("bash")
                .args(["-n", "-c", &block.text])
                .output();
            let output = output.expect("bash is there");
            let said = String::from_utf8_lossy(&output.stderr).into_owned();
            assert!(
                output.status.success() && said.is_empty(),
                "{place}: {said}"
            );
        }
    }
}

/// A mark has one of these reasons, so that it is no way out of what could be run.
#[test]
fn a_block_is_left_out_for_a_reason_only() {
    const REASONS: [&str; 5] = [
        "needs a tenant",
        "needs an AWS account",
        "needs a SIEM",
        "builds for minutes",
        "deletes things",
    ];
    for page in pages::all() {
        for block in &page.blocks {
            if let Some(reason) = &block.not_run {
                let given = reason.split(':').next().unwrap_or_default();
                assert!(
                    REASONS.contains(&given),
                    "{}:{}: {reason}",
                    page.name,
                    block.line
                );
            }
        }
    }
}
