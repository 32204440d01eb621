//! An answer as a table: the rows of a list or a hunt, or the members of a single object.

use comfy_table::{ContentArrangement, Table, TableStyle};
use indexmap::{IndexMap, IndexSet};
use serde::Deserialize;
use serde_json::Value;
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// What tells most about an item stands first.
const FIRST: &[&str] = &[
    "id",
    "incidentId",
    "deviceId",
    "displayName",
    "incidentName",
    "title",
    "computerDnsName",
    "name",
    "type",
    "severity",
    "status",
    "assignedTo",
    "classification",
    "lastUpdateDateTime",
    "healthStatus",
    "riskScore",
    "createdDateTime",
];

/// How wide a value of a table of many rows is at most.
const CELL: usize = 48;

type Row = IndexMap<String, Value>;

/// A list, a hunt's rows; neither, if it has no rows.
#[derive(Deserialize)]
struct Rows {
    #[serde(alias = "results")]
    items: Vec<Row>,
    schema: Option<Vec<Column>>,
    next: Option<String>,
    /// What else it says: items that failed, and why.
    #[serde(flatten)]
    rest: Row,
}

#[derive(Deserialize)]
struct Column {
    name: String,
}

/// A table, and what is to be said about it besides.
pub struct Shown {
    pub table: String,
    pub notes: Vec<String>,
}

/// An answer as a table that is as wide at most; none for what is no object.
///
/// `columns` picks what is shown of each row, `a.b` for a member of a member; without it, as many as fit.
pub fn table(json: &str, width: usize, columns: &[String]) -> Option<Shown> {
    if let Ok(rows) = serde_json::from_str::<Rows>(json) {
        return Some(rows.shown(width, columns));
    }
    let object = serde_json::from_str::<Row>(json).ok()?;
    let mut table = empty(width);
    for (name, value) in &object {
        if columns.is_empty() || columns.contains(name) {
            table.add_row([plain(name), cell(Some(value))]);
        }
    }
    let table = table.trim_fmt();
    Some(Shown {
        table,
        notes: vec![],
    })
}

impl Rows {
    fn shown(self, width: usize, columns: &[String]) -> Shown {
        let (columns, left_out) = match columns {
            [] => self.fitting(width),
            picked => (picked.to_vec(), vec![]),
        };
        let mut table = empty(width);
        table.set_header(columns.iter().map(|name| plain(name)));
        for row in &self.items {
            table.add_row(columns.iter().map(|name| shortened(cell(find(row, name)))));
        }
        let plural = if self.items.len() == 1 { "" } else { "s" };
        let mut notes = vec![format!("{} row{plural}", self.items.len())];
        if !left_out.is_empty() {
            let left_out = plain(&left_out.join(", "));
            notes.push(format!("not shown: {left_out}; --columns picks"));
        }
        for name in columns.iter().filter(|name| !self.has(name)) {
            notes.push(format!("no row has {}", plain(name)));
        }
        for (name, value) in &self.rest {
            notes.push(format!("{}: {}", plain(name), cell(Some(value))));
        }
        if let Some(next) = self.next {
            notes.push(format!(
                "there are more: the same input with {}",
                serde_json::json!({ "cursor": next })
            ));
        }
        let table = match self.items.is_empty() {
            true => String::new(),
            false => table.trim_fmt(),
        };
        Shown { table, notes }
    }

    /// Whether there is such a column; with no row at all, nobody knows.
    fn has(&self, name: &str) -> bool {
        let in_schema = |schema: &Vec<Column>| schema.iter().any(|column| column.name == name);
        self.items.is_empty()
            || self.schema.as_ref().is_some_and(in_schema)
            || self.items.iter().any(|row| find(row, name).is_some())
    }

    /// The columns that fit beside each other, and those that do not: what holds nothing but objects and lists is of the latter.
    fn fitting(&self, width: usize) -> (Vec<String>, Vec<String>) {
        let names: IndexSet<&String> = match &self.schema {
            Some(schema) => schema.iter().map(|column| &column.name).collect(),
            None => self.items.iter().flat_map(IndexMap::keys).collect(),
        };
        let mut names: Vec<_> = names.into_iter().cloned().collect();
        if self.schema.is_none() {
            let rank = |name: &String| FIRST.iter().position(|first| first == name);
            names.sort_by_key(|name| rank(name).unwrap_or(FIRST.len()));
        }
        let mut used = 0;
        names.into_iter().partition(|name| {
            let values = self.items.iter().filter_map(|row| row.get(name));
            let is_plain =
                |value: &Value| !matches!(value, Value::Array(_) | Value::Object(_) | Value::Null);
            if self.schema.is_none() && !values.clone().any(is_plain) {
                return false;
            }
            let cells = values.map(|value| shortened(cell(Some(value))).width());
            // A space on either side.
            let needed = cells.max().unwrap_or_default().max(name.width()) + 2;
            let fits = used + needed <= width;
            used += if fits { needed } else { 0 };
            fits
        })
    }
}

fn empty(width: usize) -> Table {
    let mut table = Table::new();
    table
        .load_style(TableStyle::new())
        .set_content_arrangement(ContentArrangement::Dynamic)
        .set_width(u16::try_from(width).unwrap_or(u16::MAX));
    table
}

/// The member at `a.b`; a name that has a dot itself goes first.
fn find<'a>(row: &'a Row, path: &str) -> Option<&'a Value> {
    row.get(path).or_else(|| {
        let mut names = path.split('.');
        let first = row.get(names.next()?)?;
        names.try_fold(first, |value, name| value.get(name))
    })
}

fn cell(value: Option<&Value>) -> String {
    match value {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) => plain(text),
        Some(other) => plain(&other.to_string()),
    }
}

/// Without control characters: they would move the cursor of a terminal, and Microsoft passes on what attackers wrote.
fn plain(text: &str) -> String {
    text.replace(char::is_control, " ")
}

fn shortened(text: String) -> String {
    if text.width() <= CELL {
        return text;
    }
    let mut used = 0;
    let kept = text.chars().take_while(|character| {
        used += character.width().unwrap_or_default();
        used < CELL
    });
    kept.chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(json: &str, width: usize, columns: &[&str]) -> (Vec<String>, Vec<String>) {
        let columns: Vec<_> = columns.iter().map(|name| (*name).to_owned()).collect();
        let shown = table(json, width, &columns).unwrap();
        let lines = shown.table.lines().map(str::to_owned);
        (lines.collect(), shown.notes)
    }

    #[test]
    fn a_list_shows_what_tells_most_first_and_says_what_it_leaves_out() {
        let list = r#"{"items":[{"empty":null,"zone":"a","tags":["x"],"severity":"high","id":"7","displayName":"Phish"},
            {"id":"8","severity":"low","zone":null,"displayName":"Spam"}],"next":"c1"}"#;
        let (table, notes) = lines(list, 30, &[]);
        assert_eq!(
            table,
            [
                " id  displayName  severity",
                " 7   Phish        high",
                " 8   Spam         low"
            ]
        );
        assert_eq!(
            notes,
            [
                "2 rows",
                "not shown: empty, zone, tags; --columns picks",
                r#"there are more: the same input with {"cursor":"c1"}"#
            ]
        );
    }

    #[test]
    fn a_hunt_keeps_the_order_of_its_query_and_columns_can_be_picked() {
        let hunt = r#"{"schema":[{"name":"When","type":"DateTime"},{"name":"Data","type":"Dynamic"}],
            "results":[{"Data":{"a":{"b":1}},"When":"2026"}]}"#;
        assert_eq!(
            lines(hunt, 80, &[]).0,
            [" When  Data", r#" 2026  {"a":{"b":1}}"#]
        );
        assert_eq!(lines(hunt, 80, &["Data.a.b"]).0, [" Data.a.b", " 1"]);
    }

    #[test]
    fn what_else_an_answer_says_is_noted_and_names_move_the_cursor_no_more_than_values() {
        let list = r#"{"items":[{"id":"7","a\u001b[2J":"x"}],"incomplete":[{"id":"8"}],"problem":{"code":"Throttled"}}"#;
        let (table, notes) = lines(list, 80, &[]);
        assert_eq!(table, [" id  a [2J", " 7   x"]);
        assert_eq!(
            notes,
            [
                "1 row",
                r#"incomplete: [{"id":"8"}]"#,
                r#"problem: {"code":"Throttled"}"#
            ]
        );
        assert_eq!(lines(list, 80, &["id", "nosuch"]).1[1], "no row has nosuch");
    }

    #[test]
    fn a_long_value_is_cut_to_the_width_that_it_takes_on_a_terminal() {
        assert_eq!(shortened("a".repeat(48)), "a".repeat(48));
        assert_eq!(shortened("a".repeat(49)), format!("{}…", "a".repeat(47)));
        assert_eq!(shortened("実".repeat(49)), format!("{}…", "実".repeat(23)));
    }

    #[test]
    fn an_object_shows_a_member_a_line_and_nothing_in_it_moves_the_cursor() {
        let object = "{\"status\":\"new\",\"title\":\"a\\u001b[2Jb\"}";
        assert_eq!(
            lines(object, 80, &[]).0,
            [" status  new", " title   a [2Jb"]
        );
        assert!(table("[]", 80, &[]).is_none());
    }
}
