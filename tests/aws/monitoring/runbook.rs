//! The runbook and what refers to it agree.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
};

use defender_functions::error::Code;
use regex_lite::Regex;

use super::{resources, text};
use crate::{
    checkout,
    unrolled::{Template, monitoring},
};

fn runbook() -> String {
    fs::read_to_string(checkout("docs/runbook.md")).expect("the runbook is in the checkout")
}

/// The third-level sections below a second-level one, by their titles.
fn sections(chapter: &str) -> BTreeMap<String, String> {
    let runbook = runbook();
    let chapter = runbook.split(&format!("\n## {chapter}\n")).nth(1);
    let chapter = chapter.expect("a chapter").split("\n## ").next();
    let sections = chapter.unwrap_or_default().split("\n### ").skip(1);
    sections
        .map(|section| section.split_once('\n').expect("a title and a text"))
        .map(|(title, text)| (title.to_owned(), text.to_owned()))
        .collect()
}

#[test]
fn the_runbook_has_a_section_for_each_error_and_each_alarm_and_no_other() {
    let (errors, alarms) = (sections("Errors"), sections("Alarms"));
    let codes: BTreeSet<&str> = Code::ALL.into_iter().map(Code::name).collect();
    let titles: BTreeSet<&str> = errors.keys().map(String::as_str).collect();
    assert_eq!(titles, codes);

    let template = &monitoring()["loops"];
    let streams = Template::unrolled();
    let watched = resources(template, "AWS::CloudWatch::Alarm").chain(
        streams
            .of_type("AWS::CloudWatch::Alarm")
            .map(|(id, alarm)| (id, &alarm["Properties"])),
    );
    let mut of_alarms = BTreeSet::new();
    for (id, alarm) in watched {
        match id.strip_suffix("Alarm") {
            Some(code) if codes.contains(code) => {
                assert!(errors[code].contains(&format!("Alarm: `{id}`")), "{id}");
            }
            _ => {
                of_alarms.insert(id);
            }
        }
        if let Some(described) = alarm["AlarmDescription"]["Fn::Sub"].as_str() {
            let (_, anchor) = described.split_once("${RunbookUrl}#").expect("a link");
            let code = id.trim_end_matches("Alarm").to_lowercase();
            assert!(anchor == id.to_lowercase() || anchor == code, "{described}");
        }
    }
    let titles: BTreeSet<&str> = alarms.keys().map(String::as_str).collect();
    assert_eq!(titles, of_alarms);
    for (title, section) in errors.iter().chain(&alarms) {
        for part in ["Means", "Look", "Do", "Over"] {
            let part = format!("\n- **{part}**: ");
            assert_eq!(section.matches(&part).count(), 1, "{title}: {part}");
        }
    }
}

#[test]
fn what_links_to_a_section_of_the_runbook_finds_it() {
    let runbook = runbook();
    let headings = runbook.lines().filter(|line| line.starts_with('#'));
    let anchors: BTreeSet<String> = headings
        .map(|line| {
            line.trim_start_matches('#')
                .trim()
                .to_lowercase()
                .replace(' ', "-")
        })
        .collect();
    let template = fs::read_to_string(checkout("monitoring.yaml")).expect("it is in the checkout");
    let link = Regex::new(r"(?:\]\(|RunbookUrl\})#([a-z-]+)").expect("a pattern");
    let links = link
        .captures_iter(&runbook)
        .chain(link.captures_iter(&template));
    let links: BTreeSet<String> = links.map(|found| found[1].to_owned()).collect();
    assert!(links.len() > 15, "{links:?}");
    let lost: Vec<_> = links.difference(&anchors).collect();
    assert!(lost.is_empty(), "{lost:?}");
}

#[test]
fn the_saved_queries_are_those_of_the_runbook() {
    let template = &monitoring()["loops"];
    let runbook = runbook();
    let mut names = 0;
    for (id, query) in resources(template, "AWS::Logs::QueryDefinition") {
        let name = text(&query["Name"]["Fn::Sub"]);
        let name = name.strip_prefix("${Stack}/").expect("the stack's name");
        let (_, described) = runbook
            .split_once(&format!("\n**{name}**: "))
            .unwrap_or_else(|| panic!("the runbook has no {name}"));
        let shown = described.split("```\n").nth(1);
        assert_eq!(shown, query["QueryString"].as_str(), "{id}");
        assert_eq!(query["LogGroupNames"]["Ref"], "LogGroups", "{id}");
        names += 1;
    }
    assert_eq!(names, 7);
}
