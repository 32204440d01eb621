//! What queries answer, over one small table.

use std::sync::Arc;

use super::value::{Column, Row, Type, Value};
use super::{Rows, run};
use crate::time;

const NOW: &str = "2026-11-18T09:30:00Z";

fn events() -> Rows {
    let columns = [
        ("Timestamp", Type::DateTime),
        ("Device", Type::String),
        ("File", Type::String),
        ("Size", Type::Long),
        ("More", Type::Dynamic),
    ];
    let row = |at: &str, device: &str, file: &str, size: Option<i64>, more: &str| -> Row {
        vec![
            Value::DateTime(time::parse(at).unwrap()),
            Value::text(device),
            Value::text(file),
            size.map_or(Value::Null, Value::Long),
            Value::Dynamic(Arc::new(serde_json::from_str(more).unwrap())),
        ]
    };
    let rows = vec![
        row(
            "2026-11-18T08:10:00.1234567Z",
            "web-1",
            "PowerShell.exe",
            Some(10),
            r#"{"user":{"name":"ava"}}"#,
        ),
        row(
            "2026-11-18T08:50:00Z",
            "web-2",
            "cmd.exe",
            Some(30),
            r#"{"tags":["a","b"]}"#,
        ),
        row("2026-11-17T23:00:00Z", "web-1", "cmd.exe", None, "null"),
        row(
            "2026-11-10T00:00:00Z",
            "db-1",
            "say \"hi\".exe",
            Some(5),
            "{}",
        ),
    ];
    let columns = columns.map(|(name, kind)| Column {
        name: name.into(),
        kind,
    });
    Rows {
        columns: columns.into(),
        rows: Box::new(rows.into_iter()),
    }
}

/// The answer as lines of cells, or the error's text.
fn ask(query: &str) -> Result<Vec<String>, String> {
    let now = time::parse(NOW).unwrap();
    let rows = run(query, now, |name| (name == "Events").then(events))
        .map_err(|error| error.to_string())?;
    let line = |row: Row| row.iter().map(Value::display).collect::<Vec<_>>().join("|");
    Ok(rows.rows.map(line).collect())
}

#[track_caller]
fn answers(query: &str, expected: &[&str]) {
    assert_eq!(ask(query).unwrap(), expected, "{query}");
}

#[track_caller]
fn files(condition: &str, expected: &[&str]) {
    answers(
        &format!("Events | where {condition} | project File"),
        expected,
    );
}

#[test]
fn comparisons_tell_case_where_kusto_does() {
    files("File == 'powershell.exe'", &[]);
    files("File =~ 'powershell.exe'", &["PowerShell.exe"]);
    files(
        "File !~ 'CMD.EXE' and Device != 'db-1'",
        &["PowerShell.exe"],
    );
    files("File contains 'SHELL'", &["PowerShell.exe"]);
    files("File contains_cs 'SHELL'", &[]);
    files(
        "File startswith 'power' or File endswith '\"hi\".exe'",
        &["PowerShell.exe", "say \"hi\".exe"],
    );
}

#[test]
fn has_finds_whole_words_only() {
    files("Device has 'web' and Size == 30", &["cmd.exe"]);
    files("Device has 'we'", &[]);
    files("Device !has 'web'", &["say \"hi\".exe"]);
    files("Device has_any ('db', 'nothing')", &["say \"hi\".exe"]);
}

#[test]
fn lists_come_from_literals_and_from_lets() {
    files("Size in (5, 30)", &["cmd.exe", "say \"hi\".exe"]);
    files("File in~ ('CMD.exe') and Size == 30", &["cmd.exe"]);
    files("Device !in ('web-1', 'web-2')", &["say \"hi\".exe"]);
    answers(
        "let wanted = dynamic([\"db-1\", \"web-2\"]);\nEvents | where Device in (wanted) | project Device",
        &["web-2", "db-1"],
    );
}

#[test]
fn time_is_counted_from_the_given_now() {
    answers(
        "Events | where Timestamp > ago(1h) | project Device",
        &["web-2"],
    );
    answers(
        "Events | where Timestamp between (datetime(2026-11-17) .. 1d) | project Device",
        &["web-1"],
    );
    answers(
        "Events | where Timestamp between (ago(2h) .. now()) | count",
        &["2"],
    );
    answers(
        "print now() - datetime(2026-11-18T09:00:00Z), 1d / 2",
        &["00:30:00|12:00:00"],
    );
}

#[test]
fn nothing_is_null_and_null_matches_no_comparison() {
    files(
        "Size < 1000",
        &["PowerShell.exe", "cmd.exe", "say \"hi\".exe"],
    );
    files("isnull(Size)", &["cmd.exe"]);
    files("isnotempty(Size) and not(Size > 5)", &["say \"hi\".exe"]);
}

#[test]
fn rows_are_sorted_cut_and_made_distinct() {
    answers(
        "Events | sort by Device asc, Size | project Device, Size",
        &["db-1|5", "web-1|10", "web-1|", "web-2|30"],
    );
    answers(
        "Events | top 2 by Timestamp desc | project Device",
        &["web-2", "web-1"],
    );
    answers("Events | distinct Device | limit 2", &["web-1", "web-2"]);
    answers(
        "Events | project-away Timestamp, File, Size, More | take 1",
        &["web-1"],
    );
}

#[test]
fn summarize_groups_by_columns_and_bins() {
    answers(
        "Events | summarize count() by Device",
        &["web-1|2", "web-2|1", "db-1|1"],
    );
    answers(
        "Events | summarize Newest = max(Timestamp), dcount(Device), sum(Size)",
        &["2026-11-18T08:50:00Z|3|45"],
    );
    answers(
        "Events | where Timestamp > ago(1d) | summarize n = count() by bin(Timestamp, 1h) | sort by Timestamp asc",
        &["2026-11-17T23:00:00Z|1", "2026-11-18T08:00:00Z|2"],
    );
    answers(
        "Events | summarize make_set(File) by Device | where Device == 'web-1'",
        &["web-1|[\"PowerShell.exe\",\"cmd.exe\"]"],
    );
    answers(
        "Events | summarize arg_max(Timestamp, *) by Device | project Device, File | where Device == 'web-1'",
        &["web-1|PowerShell.exe"],
    );
    answers(
        "Events | where Device == 'none' | summarize count()",
        &["0"],
    );
}

#[test]
fn dynamic_values_are_entered_by_dots_and_brackets() {
    answers(
        "Events | extend Name = tostring(More.user.name) | where Name != '' | project Name",
        &["ava"],
    );
    answers(
        "Events | where More['tags'][1] == 'b' | project Device",
        &["web-2"],
    );
}

#[test]
fn a_string_is_never_more_than_a_string() {
    answers(
        r#"let who = "x\" | take 0 //"; print who"#,
        &["x\" | take 0 //"],
    );
    answers(
        r#"print 'it\'s', @"C:\temp ""x""", h"secret", "\u72d0\t.""#,
        &["it's|C:\\temp \"x\"|secret|狐\t."],
    );
    answers(
        "print \"a // no comment\" // a comment\n",
        &["a // no comment"],
    );
    for broken in ["print \"a\nb\"", "print \"open", r#"print "\q""#] {
        assert!(
            ask(broken).unwrap_err().starts_with("Syntax error"),
            "{broken}"
        );
    }
}

#[test]
fn ranges_make_as_many_rows_as_asked() {
    answers(
        "range x from 1 to 7 step 3 | extend y = strrep('ab', x)",
        &["1|ab", "4|abababab", "7|ababababababab"],
    );
    answers("range x from 1 to 1000000 step 1 | count", &["1000000"]);
}

#[test]
fn what_is_not_understood_is_said_with_its_place() {
    assert!(
        ask("Events\n| join Other on Device")
            .unwrap_err()
            .contains("'join Other on Device' on line [2,3]")
    );
    assert!(ask("Nowhere | take 1").unwrap_err().contains("'Nowhere'"));
    assert!(
        ask("Events | where Colour == 'red'")
            .unwrap_err()
            .contains("'Colour'")
    );
    assert!(
        ask("Events | where Device == 5")
            .unwrap_err()
            .contains("Semantic error")
    );
    assert!(
        ask("Events | extend x = magic(Device)")
            .unwrap_err()
            .contains("Unknown function 'magic'")
    );
    assert!(ask("Events | project *").is_err());
    assert!(ask("Events | take -1").is_err());
}
