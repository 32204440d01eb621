//! The page as HTML. It can be read without its script, which keeps it up to date and fills in the operations.

use maud::{DOCTYPE, Markup, html};

use super::faults;
use super::invocations::Invocations;
use super::tenant::Tenant;

pub(super) fn render(tenant: &Tenant, invocations: &Invocations) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { "Defender functions" }
                link rel="icon" href="data:,";
                link rel="stylesheet" href="/console/swagger-ui.css";
                link rel="stylesheet" href="/console/console.css";
                script defer src="/console/swagger-ui-bundle.js" {}
                script defer src="/console/console.js" {}
            }
            body {
                a .skip href="#operations" { "Skip to the operations" }
                header {
                    h1 { "Defender functions" }
                    (whose(tenant))
                    p #connection role="alert" hidden { "The gateway does not answer: it was stopped, or is starting again." }
                    nav aria-label="Sections" {
                        ul {
                            li { a href="#operations" { "Operations" } }
                            li { a href="#invocations" { "Invocations" } }
                            li { a href="#tenant" { "Tenant" } }
                            li { a href="#faults" { "Faults" } }
                        }
                    }
                }
                main {
                    section #operations tabindex="-1" aria-labelledby="operations-heading" {
                        h2 #operations-heading { "Operations" }
                        div #swagger-ui {
                            p { "They appear here by script. " a href="/openapi.json" { "openapi.json" } " describes them." }
                        }
                    }
                    div .aside {
                        section #invocations tabindex="-1" aria-labelledby="invocations-heading" {
                            h2 #invocations-heading { "Invocations" }
                            p #latest role="status" {}
                            (invocations.table())
                        }
                        section #tenant tabindex="-1" aria-labelledby="tenant-heading" {
                            h2 #tenant-heading { "Tenant" }
                            @match tenant {
                                Tenant::Simulated(simulated) => { (simulated.tables()) }
                                Tenant::Real(_) => {
                                    p { "The console shows nothing of a real tenant. Send an operation to read it." }
                                }
                            }
                        }
                        section #faults tabindex="-1" aria-labelledby="faults-heading" {
                            h2 #faults-heading { "Faults" }
                            @match tenant {
                                Tenant::Simulated(simulated) => {
                                    p #refused role="alert" {}
                                    (faults::switches(simulated))
                                }
                                Tenant::Real(_) => {
                                    p { "A real tenant has no switches for faults. " code { "cargo local serve --simulator" } " does." }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// Whose data it is: with a real tenant, a warning.
fn whose(tenant: &Tenant) -> Markup {
    match tenant {
        Tenant::Simulated(simulated) => {
            let named = |tenant: &mut simulator::Tenant| {
                (tenant.display_name.clone(), tenant.domain.clone())
            };
            let (name, domain) = simulated.simulator.edit(&simulated.id, named);
            html! { p { "Simulated tenant " strong { (name) } " (" (domain) ")" } }
        }
        Tenant::Real(id) => html! {
            p .real role="note" {
                "Real tenant " strong { (id) } ": what an operation changes here, it changes there."
            }
        },
    }
}
