//! `cargo local invoke`: one operation, once, through the real binary.

use std::io::Read;
use std::path::PathBuf;
use std::time::Duration;

use local::operations::{Entry, Group, OPERATIONS};
use local::runtime_api::{Function, Outcome};
use serde_json::Value;
use tokio::signal;

use super::list;
use crate::tenant::Tenant;
use crate::{Failure, bootstrap, exit, progress, table, terminal};

/// Invokes one operation and prints its answer
#[derive(clap::Args)]
#[command(after_help = concat_help())]
pub struct Args {
    /// The operation's name; `cargo local list` shows them
    #[arg(index = 1)]
    operation: String,

    /// The operation's input, a JSON object; `-` reads it from stdin
    #[arg(
        index = 2,
        value_name = "JSON",
        allow_hyphen_values = true,
        conflicts_with = "event"
    )]
    input: Option<String>,

    /// Sends this file as the whole event, of any trigger, and prints the reply whole
    #[arg(long, value_name = "FILE")]
    event: Option<PathBuf>,

    #[command(flatten)]
    sending: Sending,
}

/// How an event is sent, and what is shown of its outcome.
#[derive(clap::Args)]
pub struct Sending {
    /// How the answer is printed
    #[arg(long, value_name = "FORMAT", default_value = "json")]
    output: Output,

    /// A table of these columns, separated by commas; `a.b` for what is within [default: as many as fit]
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    columns: Vec<String>,

    /// Prints the answer exactly as it came
    #[arg(long, conflicts_with_all = ["output", "columns"])]
    raw: bool,

    /// The function's timeout [default: 210 for hunting, else 30]
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..=900))]
    timeout: Option<u64>,

    /// Uses the simulated tenant, whatever AZURE_* says
    #[arg(long)]
    simulator: bool,

    /// Lets the simulated tenant fail; `cargo local faults` shows how it can
    #[arg(long, value_name = "NAME")]
    fault: Option<String>,

    /// Shows the function's log as it comes
    #[arg(short, long)]
    verbose: bool,

    /// Runs the optimised build, as it is deployed
    #[arg(long)]
    release: bool,
}

/// The form of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Output {
    /// As it is, laid out
    Json,
    /// A row an item, or a line a member
    Table,
}

fn concat_help() -> String {
    format!(
        "Examples:
  cargo local invoke list_incidents
  cargo local invoke list_incidents '{{\"status\":\"active\",\"top\":5}}' --output table
  echo '{{\"query\":\"DeviceInfo | take 3\"}}' | cargo local invoke run_hunting_query -
  cargo local invoke update_incident --event events/triggers/http_api.json
  cargo local invoke list_incidents --fault throttled-for-long

{}",
        exit::HELP
    )
}

pub async fn run(args: &Args) -> Result<(), Failure> {
    let entry = find(&args.operation)?;
    let event = event(args)?;
    send(entry, &event, &args.sending).await
}

/// The operation of that name.
pub fn find(name: &str) -> Result<&'static Entry, Failure> {
    let entry = OPERATIONS.iter().find(|entry| entry.name == name);
    entry.ok_or_else(|| unknown(name))
}

/// Sends an event to an operation's function and prints what comes of it.
pub async fn send(entry: &Entry, event: &str, how: &Sending) -> Result<(), Failure> {
    let tenant = Tenant::choose(how.simulator)?;
    if let Some(fault) = &how.fault {
        let simulator = tenant.simulator().ok_or_else(|| {
            Failure::usage("--fault is for the simulated tenant; add --simulator to use that")
        })?;
        for fault in super::faults::named(fault)?.faults(None, None) {
            simulator.inject(fault);
        }
    }
    terminal::note(&tenant);

    let timeout = how.timeout.unwrap_or(match entry.group {
        Group::Hunting => 210,
        _ => 30,
    });
    let mut environment = tenant.environment();
    let is_set = |name| environment.iter().any(|(known, _)| known == name);
    let own_log = is_set("AWS_LAMBDA_LOG_LEVEL") || is_set("AWS_LAMBDA_LOG_FORMAT");
    let watched = terminal::is_watched() && !how.verbose && !own_log;
    if watched {
        environment.push(("AWS_LAMBDA_LOG_LEVEL".to_owned(), "DEBUG".to_owned()));
    }
    let function = Function::builder(bootstrap::build(how.release)?, entry.name)
        .envs(environment)
        .timeout(Duration::from_secs(timeout))
        .echo_logs(how.verbose)
        .start()
        .map_err(|error| Failure::failed(error.to_string()))?;
    let watching = async {
        match watched {
            true => progress::show(entry.name, &function).await,
            false => std::future::pending().await,
        }
    };
    let outcome = tokio::select! {
        outcome = function.invoke(event) => outcome,
        () = watching => return Err(Failure::failed("nobody waits for the answer any more")),
        _ = signal::ctrl_c() => return Err(Failure { message: "interrupted".to_owned(), code: exit::INTERRUPTED }),
    };
    let Outcome::Answer(answer) = &outcome else {
        let logs = function.logs();
        let lines = logs.lines();
        let lines: Vec<_> = lines
            .filter(|line| !(watched && line.contains(" DEBUG ")))
            .collect();
        if !how.verbose && !lines.is_empty() {
            terminal::note(format_args!("the function's log:\n{}\n", lines.join("\n")));
        }
        return Err(Failure {
            message: explain(&outcome, timeout),
            code: code(&outcome, entry),
        });
    };
    match std::str::from_utf8(answer) {
        Ok(text) if !how.raw => how.print(text),
        _ => terminal::print(answer),
    }
}

impl Sending {
    fn print(&self, answer: &str) -> Result<(), Failure> {
        let as_table = self.output == Output::Table || !self.columns.is_empty();
        let shown = as_table.then(|| table::table(answer, terminal::width(), &self.columns));
        let Some(shown) = shown.flatten() else {
            return terminal::print_json(answer);
        };
        if !shown.table.is_empty() {
            terminal::print(shown.table.as_bytes())?;
        }
        shown.notes.iter().for_each(terminal::note);
        Ok(())
    }
}

/// The exit code of what is no answer.
fn code(outcome: &Outcome, entry: &Entry) -> u8 {
    match outcome {
        // Nobody knows how far a change came.
        Outcome::TimedOut if entry.changes => exit::LOOK,
        Outcome::TimedOut => exit::LATER,
        _ => exit::named(&outcome.error().unwrap_or_default().0),
    }
}

/// The event to send, checked to be JSON before anything is started.
fn event(args: &Args) -> Result<String, Failure> {
    if let Some(file) = &args.event {
        let file_name = file.display();
        let text = std::fs::read_to_string(file)
            .map_err(|error| Failure::usage(format!("{file_name}: {error}")))?;
        return match serde_json::from_str::<serde::de::IgnoredAny>(&text) {
            Ok(_) => Ok(text),
            Err(error) => Err(Failure::usage(format!("{file_name} is not JSON: {error}"))),
        };
    }
    input(&args.operation, args.input.as_deref())
}

/// An operation's input as it was given on the command line or, by `-`, on stdin: a JSON object.
pub fn input(operation: &str, given: Option<&str>) -> Result<String, Failure> {
    let text = match given {
        None => "{}".to_owned(),
        Some("-") => {
            let mut text = String::new();
            let read = std::io::stdin().read_to_string(&mut text);
            read.map_err(|error| Failure::usage(format!("stdin: {error}")))?;
            text
        }
        Some(text) => text.to_owned(),
    };
    let problem = match serde_json::from_str(&text) {
        Ok(Value::Object(_) | Value::Null) => return Ok(text),
        Ok(_) => "is JSON, but no object".to_owned(),
        Err(error) => format!("is not JSON: {error}"),
    };
    let shown: String = text.trim().chars().take(200).collect();
    Err(Failure::usage(format!(
        "the input {problem}\n  got: {shown}\n  it takes a JSON object in single quotes, such as: cargo local invoke \
         {operation} '{{\"name\":\"value\"}}'\n  or from stdin: cargo local invoke {operation} - < input.json"
    )))
}

/// Names the nearest operation, if it is near, and all there are.
fn unknown(name: &str) -> Failure {
    let distance =
        |candidate: &str| strsim::levenshtein(&name.replace('-', "_").to_lowercase(), candidate);
    let nearest = OPERATIONS
        .iter()
        .map(|entry| entry.name)
        .min_by_key(|candidate| distance(candidate));
    let hint = nearest.filter(|nearest| distance(nearest) <= nearest.len() * 2 / 5);
    let hint = hint
        .map(|nearest| format!("; did you mean `{nearest}`?"))
        .unwrap_or_default();
    Failure::usage(format!(
        "there is no operation `{name}`{hint}\n\n{}",
        list::table().trim_end()
    ))
}

/// What went wrong, for people: the problem that the function reported, or what its process did instead of answering.
fn explain(outcome: &Outcome, timeout: u64) -> String {
    match outcome {
        Outcome::Exited { status, .. } => {
            format!("the function's process ended without an answer ({status})")
        }
        Outcome::TimedOut => {
            format!("no answer within {timeout} s; --timeout gives the function longer")
        }
        _ => {
            let (error_type, message) = outcome.error().unwrap_or_default();
            match serde_json::from_str::<Value>(&message) {
                Ok(problem) if problem.is_object() => describe(&problem),
                _ => format!("{message} ({error_type})"),
            }
        }
    }
}

/// A problem document in a few lines.
fn describe(problem: &Value) -> String {
    // It may quote what others wrote, which must not move the cursor.
    let plain = |text: &str| text.replace(|one: char| one.is_control() && one != '\n', " ");
    let text = |value: &Value| match value {
        Value::Null => None,
        Value::String(text) => Some(plain(text)),
        other => Some(plain(&other.to_string())),
    };
    let title = text(&problem["title"]).unwrap_or_else(|| "the function failed".to_owned());
    let facts: Vec<_> = [text(&problem["code"]), text(&problem["status"])]
        .into_iter()
        .flatten()
        .collect();
    let mut lines = format!("{title} ({})", facts.join(", "));
    if let Some(detail) = text(&problem["detail"]) {
        lines += &format!("\n  {}", detail.replace('\n', "\n  "));
    }
    if let Some(seconds) = text(&problem["retryAfterSeconds"]) {
        lines += &format!("\n  try again in {seconds} s");
    }
    let upstream = &problem["upstream"];
    if let Some(service) = text(&upstream["service"]) {
        let status = [text(&upstream["status"]), text(&upstream["code"])]
            .into_iter()
            .flatten()
            .collect::<Vec<_>>()
            .join(" ");
        lines += &match status.is_empty() {
            true => format!("\n  {service} was asked"),
            false => format!("\n  {service} answered {status}"),
        };
        if let Some(id) = text(&upstream["requestId"]) {
            lines += &format!(" to request {id}");
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_problem_is_told_in_words() {
        let problem = json!({
            "type": "about:blank", "title": "A quota is used up", "status": 429, "code": "Throttled",
            "detail": "45\u{1b}[2J calls a minute.\nAsk less often.", "retryAfterSeconds": 12,
            "upstream": {"service": "graph", "status": 429, "code": "TooManyRequests", "requestId": "r-1"},
        });
        let expected = "A quota is used up (Throttled, 429)\n  45 [2J calls a minute.\n  Ask less often.\n  \
                        try again in 12 s\n  graph answered 429 TooManyRequests to request r-1";
        assert_eq!(describe(&problem), expected);
    }

    #[test]
    fn a_failure_that_is_no_problem_is_told_by_its_message() {
        let message = "no such file".to_owned();
        let outcome = Outcome::InitError {
            error_type: "Runtime.InvalidEntrypoint".to_owned(),
            message,
        };
        assert_eq!(
            explain(&outcome, 30),
            "no such file (Runtime.InvalidEntrypoint)"
        );
        assert!(explain(&Outcome::TimedOut, 30).contains("within 30 s"));
    }
}
