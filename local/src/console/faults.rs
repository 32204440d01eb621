//! The simulator's faults: those that can be chosen, switched on, and switched off again.

use maud::{Markup, html};
use simulator::{Fault, Simulator};

use super::{Form, Simulated};
use crate::faults::{self, PRESETS};

pub(super) const INJECT: &str = "/console/faults";
pub(super) const END: &str = "/console/faults/end";

/// The APIs that a fault can be kept to: name, label, prefix of the path.
const APIS: &[(&str, &str, Option<&str>)] = &[
    ("all", "every API", None),
    ("graph", "Microsoft Graph", Some("/v1.0/")),
    ("defender", "the Defender APIs", Some("/api/")),
];

/// Switches on what the form says: `fault`, `api`, and `times`, 0 being until it is switched off, and empty what the
/// fault itself says.
pub(super) fn inject(simulated: &Simulated, form: &Form) -> Result<(), String> {
    let preset = faults::find(field(form, "fault"));
    let preset = preset.ok_or("`fault` is none of those that the console lists.")?;
    let api = APIS.iter().find(|(name, ..)| *name == field(form, "api"));
    let (.., prefix) = api.ok_or("`api` is all, graph or defender.")?;
    let times = match field(form, "times") {
        "" => None,
        times => Some(
            times
                .parse()
                .map_err(|_| "`times` is a whole number, 0 until it is switched off, or empty.")?,
        ),
    };
    for fault in preset.faults(times, *prefix) {
        simulated.simulator.inject(fault);
    }
    Ok(())
}

/// Switches off the fault with the `place` that the form names, or all.
pub(super) fn end(simulated: &Simulated, form: &Form) -> Result<(), String> {
    let simulator: &Simulator = &simulated.simulator;
    match field(form, "place") {
        "all" => simulator.clear_faults(),
        place => {
            let place: usize = place.parse().map_err(|_| "`place` is a number, or all.")?;
            simulator.end_fault(place);
        }
    }
    Ok(())
}

/// The value of a field, or empty.
fn field<'a>(form: &'a Form, name: &str) -> &'a str {
    let field = form.iter().find(|(named, _)| named == name);
    field.map_or("", |(_, value)| value)
}

/// The form to switch one on, and those that are on.
pub(super) fn switches(simulated: &Simulated) -> Markup {
    html! {
        form method="post" action=(INJECT) data-live-form {
            div .fields {
                label { "Fault"
                    select name="fault" {
                        @for preset in PRESETS {
                            option value=(preset.name) { (preset.name) ": " (preset.summary) }
                        }
                    }
                }
                label { "Of"
                    select name="api" {
                        @for (name, label, _) in APIS { option value=(name) { (label) } }
                    }
                }
                label { "Other number of requests (0: all)"
                    input type="number" name="times" min="0" max="1000";
                }
                button { "Switch on" }
            }
        }
        div #faults-on data-live { (on(&simulated.simulator.faults())) }
    }
}

fn on(faults: &[Fault]) -> Markup {
    html! {
        @if faults.is_empty() { p .quiet { "No fault is on." } }
        @else {
            form method="post" action=(END) data-live-form {
                table {
                    caption { "Faults that are on" }
                    thead {
                        tr {
                            th scope="col" { "Fault" }
                            th scope="col" { "Of" }
                            th .number scope="col" { "Met" }
                            td {}
                        }
                    }
                    tbody {
                        @for (place, fault) in faults.iter().enumerate() {
                            tr {
                                th scope="row" { (label(fault)) }
                                td { (target(fault)) }
                                td .number { (fault.met) }
                                td {
                                    button #{ "fault-" (place) } name="place" value=(place)
                                        aria-label={ "Switch off: " (label(fault)) " of " (target(fault)) } { "Switch off" }
                                }
                            }
                        }
                    }
                }
                button #fault-all name="place" value="all" { "Switch all off" }
            }
        }
    }
}

/// The name of the preset that does the same, or else what the fault does, as the simulator calls it.
fn label(fault: &Fault) -> String {
    let told = |fault: &Fault| serde_json::to_value(&fault.kind).unwrap_or_default();
    let same = |preset: &&faults::Preset| {
        let theirs = preset.faults(None, None);
        theirs.iter().any(|theirs| told(theirs) == told(fault))
    };
    let preset = PRESETS.iter().find(same);
    preset.map_or_else(|| told(fault).to_string(), |preset| preset.name.to_owned())
}

/// Whose requests it meets: an API's, as far as the console lets one choose; of others, those to their path.
fn target(fault: &Fault) -> &str {
    let Some(path) = &fault.path else {
        return "all requests";
    };
    let api = APIS.iter().find(|(.., prefix)| *prefix == Some(path));
    api.map_or(path, |(_, label, _)| label)
}
