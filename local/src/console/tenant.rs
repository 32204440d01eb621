//! The tenant that the functions ask, and what the console shows of a simulated one.

use std::sync::Arc;

use maud::{Markup, html};
use simulator::{Action, Device, Incident, Isolation, Simulator};

/// Which tenant it is.
pub enum Tenant {
    Simulated(Simulated),
    /// A customer's or our own, by its id: nothing of it is shown but that.
    Real(String),
}

/// A tenant of the simulator.
pub struct Simulated {
    pub simulator: Arc<Simulator>,
    /// Its GUID.
    pub id: String,
}

impl Simulated {
    /// Incidents and devices as they stand now.
    pub(super) fn tables(&self) -> Markup {
        let (mut incidents, devices) = self.simulator.edit(&self.id, |tenant| {
            let devices = tenant.devices.iter().map(|device| {
                let ours = |action: &&Action| action.machine_id == device.id;
                (device.clone(), tenant.actions.iter().rfind(ours).cloned())
            });
            (tenant.incidents.to_vec(), devices.collect::<Vec<_>>())
        });
        incidents.sort_by(|one, other| other.last_update_date_time.cmp(&one.last_update_date_time));
        html! {
            h3 #incidents-heading { "Incidents" }
            div .scrolls tabindex="0" role="region" aria-labelledby="incidents-heading" {
                table {
                    thead {
                        tr {
                            th scope="col" { "Id" }
                            th scope="col" { "Name and owner" }
                            th scope="col" { "Severity" }
                            th scope="col" { "Status" }
                        }
                    }
                    tbody #incidents data-live { @for incident in &incidents { (incident_row(incident)) } }
                }
            }
            h3 #devices-heading { "Devices" }
            div .scrolls tabindex="0" role="region" aria-labelledby="devices-heading" {
                table {
                    thead {
                        tr {
                            th scope="col" { "Device" }
                            th scope="col" { "Stands" }
                            th scope="col" { "Last action" }
                        }
                    }
                    tbody #devices data-live {
                        @for (device, action) in &devices { (device_row(device, action.as_ref())) }
                    }
                }
            }
        }
    }
}

fn incident_row(incident: &Incident) -> Markup {
    html! {
        tr {
            td { (incident.id) }
            th scope="row" {
                (incident.display_name)
                " "
                span .detail { (incident.assigned_to.as_deref().unwrap_or("nobody's")) }
            }
            td { (incident.severity) }
            td { (incident.status) }
        }
    }
}

fn device_row(device: &Device, last: Option<&Action>) -> Markup {
    let isolated = device.isolation != Isolation::None;
    html! {
        tr {
            th scope="row" {
                (device.computer_dns_name)
                " "
                span .detail { (device.os_platform) }
                " "
                code .detail { (device.id) }
            }
            td {
                @if isolated { span .status .bad { "isolated: " (format!("{:?}", device.isolation)) } " " }
                @if device.code_restricted { span .status .bad { "code restricted" } }
                @if !isolated && !device.code_restricted { "open" }
            }
            td {
                @match last {
                    Some(action) => { (format!("{:?}", action.kind)) ": " (format!("{:?}", action.status)) }
                    None => { "none" }
                }
            }
        }
    }
}
