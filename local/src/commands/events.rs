//! `cargo local events`: sample events of every trigger, printed or sent.

use std::fmt::Write;
use std::fs;

use clap::ValueEnum;
use local::event::{self, Trigger};
use local::operations::{Entry, OPERATIONS};
use serde_json::{Map, Value};

use super::invoke::{self, Sending};
use crate::{Failure, bootstrap, terminal};

/// Makes a sample event of any trigger, and sends it if told to
#[derive(clap::Args)]
#[command(after_help = "Examples:
  cargo local events
  cargo local events list_devices
  cargo local events isolate_device --trigger sqs > event.json
  cargo local events update_incident '{\"id\":\"28281\",\"status\":\"resolved\"}' --trigger http-api --send")]
pub struct Args {
    /// The operation that the event is for; without it, the triggers that there are
    #[arg(index = 1)]
    operation: Option<String>,

    /// The operation's input, a JSON object; `-` reads it from stdin [default: its sample in events/]
    #[arg(index = 2, value_name = "JSON", allow_hyphen_values = true)]
    input: Option<String>,

    /// What delivers it
    #[arg(long, default_value = "direct", hide_possible_values = true)]
    trigger: Trigger,

    /// Sends it to the function and prints the whole reply, in place of the event
    #[arg(long)]
    send: bool,

    #[command(flatten)]
    sending: Sending,
}

pub async fn run(args: &Args) -> Result<(), Failure> {
    let Some(operation) = &args.operation else {
        return terminal::print(triggers().trim_end().as_bytes());
    };
    let entry = invoke::find(operation)?;
    if args.trigger == Trigger::Schedule && args.input.is_some() {
        let message = "a rule's schedule has no input; --trigger direct is what a Scheduler sends";
        return Err(Failure::usage(message));
    }
    let input = match args.input.as_deref() {
        None => sample(entry),
        Some(_) => {
            let text = invoke::input(operation, args.input.as_deref())?;
            serde_json::from_str(&text).ok().unwrap_or_default()
        }
    };
    let event = event::event(args.trigger, entry, &input).to_string();
    match args.send {
        true => invoke::send(entry, &event, &args.sending).await,
        false => terminal::print_json(&event),
    }
}

/// An operation's input as `events/` has it; an empty one, if there is none.
pub fn sample(entry: &Entry) -> Map<String, Value> {
    let file = format!("{}/events/{}.json", bootstrap::WORKSPACE, entry.name);
    let text = fs::read_to_string(file).ok();
    text.and_then(|text| serde_json::from_str(&text).ok())
        .unwrap_or_default()
}

fn triggers() -> String {
    let mut text = "triggers\n".to_owned();
    for trigger in Trigger::value_variants() {
        if let Some(value) = trigger.to_possible_value() {
            let help = value.get_help().map(ToString::to_string);
            let _ = writeln!(
                text,
                "  {:12}  {}",
                value.get_name(),
                help.unwrap_or_default()
            );
        }
    }
    let operation = OPERATIONS[0].name;
    text + &format!("\ncargo local events {operation} --trigger sqs")
}
