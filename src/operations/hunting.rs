//! Advanced hunting: KQL over thirty days of raw events.
//!
//! Graph: <https://learn.microsoft.com/graph/api/security-security-runhuntingquery>.
//! Defender XDR API (retired on 2027-02-01): <https://learn.microsoft.com/defender-xdr/api-advanced-hunting>.
//! Both return 100,000 rows at most, give a query 3 minutes, and take at least 45 a minute from a tenant.

use std::{future::Future, pin::Pin};

use jiff::civil::DateTime;
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, de::Error as _};
use serde_json::{Map, Value};

use super::{answers, rows::Rows};
use crate::{
    api::Api,
    call::Call,
    client::{Incoming, Passing, Setback},
    error::{Error, Result},
    operation::{Answer, Group, Operation, Permissions},
    results::{Writer, Written},
    time::{Timestamp, parse_duration},
};

/// `POST /security/runHuntingQuery`, `POST /api/advancedhunting/run`.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RunHuntingQuery {
    query: Query,
    /// How far back to look, besides what the query says; the shorter of both counts. Graph only.
    timespan: Option<Timespan>,
    /// Values for names in the query. They cannot change it, whatever they hold.
    #[serde(default)]
    parameters: Parameters,
}

impl Operation for RunHuntingQuery {
    type Answers = answers::Rows;

    const NAME: &'static str = "run_hunting_query";
    const SUMMARY: &'static str = "Run a KQL query over raw events and answer its rows";
    const GROUP: Group = Group::Hunting;
    const ROUTE: (&'static str, &'static str) = ("POST", "/hunting");
    const PERMISSIONS: Permissions = Permissions {
        graph: &["ThreatHunting.Read.All"],
        xdr: &["AdvancedHunting.Read.All"],
        endpoint: &[],
        also: &[],
        of_app: true,
    };

    async fn run(self, call: &Call<'_>) -> Result<Answer> {
        let body = Body {
            query: self.parameters.bind(&self.query.0),
            timespan: self.timespan.map(|span| span.0),
        };
        let path: &[_] = match call.api {
            Api::Graph => &["runHuntingQuery"],
            Api::Xdr if body.timespan.is_some() => {
                let reason = "the Defender XDR API (DEFENDER_API=xdr) takes none; write the time into the query";
                return Err(Error::field("timespan", reason));
            }
            Api::Xdr | Api::Endpoint => &["advancedhunting", "run"],
        };
        let mut table = Table { call, answer: None };
        call.query_passing(path, &body, &mut table).await?;
        Ok(table.answer.expect("an answer that was passed on ended"))
    }
}

/// The answer on its way from Microsoft to wherever it goes.
struct Table<'a> {
    call: &'a Call<'a>,
    answer: Option<Answer>,
}

impl Passing for Table<'_> {
    fn pass<'a>(
        &'a mut self,
        mut body: Incoming<'a>,
    ) -> Pin<Box<dyn Future<Output = std::result::Result<(), Setback>> + Send + 'a>> {
        Box::pin(async move {
            let mut writer = Writer::new(self.call);
            match write(&mut body, &mut writer).await {
                Ok(answer) => {
                    self.answer = Some(answer);
                    Ok(())
                }
                Err(setback) => {
                    writer.abandon().await;
                    Err(match writer.has_left() {
                        true => Setback::last(setback.into_error()),
                        false => setback,
                    })
                }
            }
        })
    }
}

async fn write(
    body: &mut Incoming<'_>,
    writer: &mut Writer<'_>,
) -> std::result::Result<Answer, Setback> {
    let mut rows = Rows::default();
    while let Some(piece) = body.chunk().await? {
        rows.read(&piece, writer.out())
            .map_err(|wrong| body.wrong(wrong))?;
        writer.flow().await.map_err(Setback::last)?;
    }
    let count = rows.end(writer.out()).map_err(|wrong| body.wrong(wrong))?;
    match writer.finish(Some(count)).await.map_err(Setback::last)? {
        Written::PassedOn(answer) => Ok(answer),
        Written::Held(text) => Answer::read(text).ok_or_else(|| body.wrong("is not whole JSON")),
    }
}

/// What Graph is asked.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Body {
    pub query: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timespan: Option<String>,
}

/// A column of a result, in the spelling of either API and of either example on Graph's page.
#[derive(Deserialize, Serialize, JsonSchema)]
pub struct Column {
    #[serde(alias = "Name")]
    pub name: String,
    #[serde(rename = "type", alias = "Type")]
    kind: String,
}

/// A query that says something.
#[derive(JsonSchema)]
#[schemars(extend("pattern" = r"\S"))]
pub(super) struct Query(pub(super) String);

impl<'de> Deserialize<'de> for Query {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        match text.trim().is_empty() {
            true => Err(D::Error::custom("an empty query")),
            false => Ok(Self(text)),
        }
    }
}

/// An ISO 8601 time span: `P7D`, a start, or two of start, end and duration with a slash between.
#[derive(JsonSchema)]
struct Timespan(String);

impl<'de> Deserialize<'de> for Timespan {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let is_instant =
            |part: &str| part.parse::<Timestamp>().is_ok() || part.parse::<DateTime>().is_ok();
        let is_duration = |part: &str| parse_duration(part).is_some();
        let fits = match text.split_once('/') {
            None => is_duration(&text) || is_instant(&text),
            Some((from, to)) => {
                (is_instant(from) && (is_instant(to) || is_duration(to)))
                    || (is_duration(from) && is_instant(to))
            }
        };
        fits.then_some(Self(text)).ok_or_else(|| {
            D::Error::custom("expected ISO 8601: P7D, 2026-11-01T00:00:00Z, start/end, start/duration or duration/end")
        })
    }
}

/// Values that a query names, bound ahead of it by `let` statements.
#[derive(Default, JsonSchema)]
#[schemars(extend("propertyNames" = { "pattern": "^[A-Za-z_][A-Za-z0-9_]{0,63}$" }))]
pub(super) struct Parameters(Map<String, Value>);

impl<'de> Deserialize<'de> for Parameters {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        let values = Option::<Map<String, Value>>::deserialize(deserializer)?.unwrap_or_default();
        match values.keys().find(|name| !is_name(name)) {
            Some(name) => Err(D::Error::custom(format!(
                "{name:?} is not a name: letters, digits and `_`, no digit first"
            ))),
            None => Ok(Self(values)),
        }
    }
}

fn is_name(text: &str) -> bool {
    let starts = text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    starts
        && text.len() <= 64
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

impl Parameters {
    pub(super) fn bind(&self, query: &str) -> String {
        let mut bound = String::new();
        for (name, value) in &self.0 {
            bound.push_str("let ");
            bound.push_str(name);
            bound.push_str(" = ");
            write_literal(value, &mut bound);
            bound.push_str(";\n");
        }
        bound.push_str(query);
        bound
    }
}

/// A KQL literal, <https://learn.microsoft.com/kusto/query/scalar-data-types/>.
fn write_literal(value: &Value, out: &mut String) {
    match value {
        Value::String(text) => write_string(text, out),
        Value::Bool(truth) => out.push_str(if *truth { "true" } else { "false" }),
        // A negative number is an expression; in parentheses it stays one value.
        Value::Number(number) if number.is_f64() => out.push_str(&format!("real({number})")),
        Value::Number(number) => out.push_str(&format!("long({number})")),
        Value::Null => out.push_str("dynamic(null)"),
        Value::Array(_) | Value::Object(_) => {
            out.push_str("dynamic(");
            write_dynamic(value, out);
            out.push(')');
        }
    }
}

/// JSON, with strings escaped as KQL escapes them: no character ends a literal or a line early.
fn write_dynamic(value: &Value, out: &mut String) {
    match value {
        Value::String(text) => write_string(text, out),
        Value::Array(items) => {
            out.push('[');
            for (at, item) in items.iter().enumerate() {
                out.push_str(if at > 0 { "," } else { "" });
                write_dynamic(item, out);
            }
            out.push(']');
        }
        Value::Object(members) => {
            out.push('{');
            for (at, (name, member)) in members.iter().enumerate() {
                out.push_str(if at > 0 { "," } else { "" });
                write_string(name, out);
                out.push(':');
                write_dynamic(member, out);
            }
            out.push('}');
        }
        scalar => out.push_str(&scalar.to_string()),
    }
}

fn write_string(text: &str, out: &mut String) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if c.is_control() || matches!(c, '\u{2028}' | '\u{2029}') => {
                out.push_str(&format!("\\u{:04x}", c as u32))
            }
            c => out.push(c),
        }
    }
    out.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn bound(parameters: Value) -> String {
        serde_json::from_value::<Parameters>(parameters)
            .unwrap()
            .bind("T | take 1")
    }

    #[test]
    fn values_are_bound_ahead_of_the_query() {
        assert_eq!(
            bound(
                json!({"device": "web-01", "count": 5, "ratio": -0.5, "on": true, "none": null, "names": ["a", 1]})
            ),
            "let count = long(5);\nlet device = \"web-01\";\nlet names = dynamic([\"a\",1]);\nlet none = dynamic(null);\n\
             let on = true;\nlet ratio = real(-0.5);\nT | take 1"
        );
    }

    #[test]
    fn a_value_cannot_become_part_of_the_query() {
        let hostile = "x\"; T | where 1==1 //\\\n\r\u{2028}' \u{0}";
        let literal = r#""x\"; T | where 1==1 //\\\n\r\u2028' \u0000""#;
        assert_eq!(
            bound(json!({ "a": hostile })),
            format!("let a = {literal};\nT | take 1")
        );
        assert_eq!(
            bound(json!({ "a": [{ hostile: hostile }] })),
            format!("let a = dynamic([{{{literal}:{literal}}}]);\nT | take 1")
        );
    }

    #[test]
    fn a_name_cannot_either() {
        for name in ["a b", "a;", "1a", "", "a=1", "é"] {
            assert!(
                serde_json::from_value::<Parameters>(json!({ name: 1 })).is_err(),
                "{name}"
            );
        }
    }

    #[test]
    fn time_spans_are_checked() {
        let fits = |text: &str| serde_json::from_value::<Timespan>(json!(text)).is_ok();
        for good in [
            "P7D",
            "PT12H",
            "2026-11-01T00:00:00Z",
            "2026-11-01",
            "2026-11-01T00:00:00Z/2026-11-02T00:00:00Z",
            "P1D/2026-11-02T00:00:00Z",
            "2026-11-01T00:00:00Z/PT6H",
        ] {
            assert!(fits(good), "{good}");
        }
        for wrong in [
            "",
            "7d",
            "P1M",
            "P1D/P1D",
            "2026-13-01",
            "a/b",
            "P1D/",
            "2026-11-01/2026-11-02/2026-11-03",
        ] {
            assert!(!fits(wrong), "{wrong}");
        }
    }
}
