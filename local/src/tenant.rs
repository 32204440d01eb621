//! The tenant that commands talk to: a simulated one, or a real one that the environment names.

use std::env;
use std::fmt;
use std::sync::Arc;

use local::console;
use simulator::Simulator;

use crate::Failure;

/// The variables that say how a function behaves, whichever tenant it talks to.
const BEHAVIOUR: &[&str] = &[
    "ALLOWED_TENANTS",
    "AZURE_TOKEN_VERSION",
    "DEFENDER_API",
    "DEPLOYED_OPERATIONS",
    "FORBID_DEVICE_TAG",
    "FORMAT",
    "LOOKBACK_SECONDS",
    "MAX_ACTIONS_PER_HOUR",
    "METRICS",
    "REQUIRE_DEVICE_TAG",
    "RESPONSE_STREAMING",
];

/// The further variables that point a function at a real tenant and its AWS resources; `AZURE_*` and `AWS_*` come on top.
const REAL: &[&str] = &[
    "CHECKPOINT_TABLE",
    "CONSENT_KEY_ID",
    "CONSENT_REDIRECT_URI",
    "DEFENDER_CLOUD",
    "DEFENDER_ENDPOINT",
    "ENDPOINT_AUDIENCE",
    "EVIDENCE_BUCKET",
    "GRAPH_AUDIENCE",
    "GRAPH_ENDPOINT",
    "LEASE_TABLE",
    "RESULTS_BUCKET",
    "RESULTS_RETENTION_DAYS",
    "SINK",
    "SSL_CERT_FILE",
    "TENANTS_TABLE",
    "XDR_AUDIENCE",
];

/// Which tenant a command uses.
pub enum Tenant {
    Simulated {
        simulator: Arc<Simulator>,
        id: String,
        name: String,
        domain: String,
    },
    Real {
        tenant_id: String,
    },
}

impl Tenant {
    /// The real tenant if the environment names one and the simulator is not asked for; else the simulator is started,
    /// with its clock at the present.
    pub fn choose(simulator: bool) -> Result<Self, Failure> {
        let named = |name: &str| env::var(name).ok().filter(|value| !value.trim().is_empty());
        match (named("AZURE_TENANT_ID"), named("AZURE_CLIENT_ID")) {
            _ if simulator => Self::simulate(),
            (None, None) => Self::simulate(),
            (Some(tenant_id), Some(_)) => Ok(Self::Real { tenant_id }),
            (tenant_id, _) => {
                let (set, missing) = match tenant_id {
                    Some(_) => ("AZURE_TENANT_ID", "AZURE_CLIENT_ID"),
                    None => ("AZURE_CLIENT_ID", "AZURE_TENANT_ID"),
                };
                Err(Failure::usage(format!(
                    "{set} is set but {missing} is not\n  for a real tenant set both (and a credential, such as \
                     AZURE_CLIENT_SECRET); for the simulated one add --simulator"
                )))
            }
        }
    }

    fn simulate() -> Result<Self, Failure> {
        let simulator = Simulator::builder().live_clock().start();
        let simulator = simulator
            .map_err(|error| Failure::failed(format!("the simulator did not start: {error}")))?;
        let environment = simulator.environment();
        let id = environment
            .into_iter()
            .find(|(name, _)| name == "AZURE_TENANT_ID")
            .map(|(_, value)| value)
            .unwrap_or_default();
        let (name, domain) = simulator.edit(&id, |tenant| {
            (tenant.display_name.clone(), tenant.domain.clone())
        });
        Ok(Self::Simulated {
            simulator: Arc::new(simulator),
            id,
            name,
            domain,
        })
    }

    /// The variables that functions get.
    pub fn environment(&self) -> Vec<(String, String)> {
        let real = matches!(self, Self::Real { .. });
        let inherited = env::vars_os().filter_map(|(name, value)| {
            Some((name.into_string().ok()?, value.into_string().ok()?))
        });
        let mut environment: Vec<_> = inherited.filter(|(name, _)| passes(name, real)).collect();
        if let Self::Simulated { simulator, .. } = self {
            environment.extend(simulator.environment());
        }
        environment
    }

    /// As the console shows it.
    pub fn seen(&self) -> console::Tenant {
        match self {
            Self::Simulated { simulator, id, .. } => {
                console::Tenant::Simulated(console::Simulated {
                    simulator: Arc::clone(simulator),
                    id: id.clone(),
                })
            }
            Self::Real { tenant_id } => console::Tenant::Real(tenant_id.clone()),
        }
    }

    /// The simulator; none for a real tenant.
    pub fn simulator(&self) -> Option<&Simulator> {
        match self {
            Self::Simulated { simulator, .. } => Some(simulator.as_ref()),
            Self::Real { .. } => None,
        }
    }

    /// Where the simulator takes requests and orders.
    pub fn simulator_url(&self) -> Option<&str> {
        self.simulator().map(Simulator::origin)
    }
}

/// Whether a function gets this variable of ours.
fn passes(name: &str, real: bool) -> bool {
    // Lambda's own are made for each function; a level or format of the log may be chosen.
    let log = [
        "AWS_LAMBDA_LOG_FORMAT",
        "AWS_LAMBDA_LOG_LEVEL",
        "RUST_LOG",
        "RUST_BACKTRACE",
    ]
    .contains(&name);
    let named = REAL.contains(&name) || name.starts_with("AZURE_") || name.starts_with("AWS_");
    log || BEHAVIOUR.contains(&name) || (real && named && !name.starts_with("AWS_LAMBDA_"))
}

impl fmt::Display for Tenant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Simulated {
                simulator,
                name,
                domain,
                ..
            } => {
                write!(
                    f,
                    "simulated tenant {name} ({domain}) at {}",
                    simulator.origin()
                )
            }
            Self::Real { tenant_id } => write!(f, "real tenant {tenant_id}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::passes;

    #[test]
    fn a_simulated_tenant_gets_behaviour_but_neither_credentials_nor_endpoints() {
        for (name, simulated, real) in [
            ("DEFENDER_API", true, true),
            ("AZURE_TOKEN_VERSION", true, true),
            ("AWS_LAMBDA_LOG_LEVEL", true, true),
            ("AZURE_CLIENT_SECRET", false, true),
            ("AZURE_FEDERATED_TOKEN_FILE", false, true),
            ("GRAPH_ENDPOINT", false, true),
            ("AWS_SESSION_TOKEN", false, true),
            ("AWS_LAMBDA_RUNTIME_API", false, false),
            ("HOME", false, false),
            ("PATH", false, false),
        ] {
            assert_eq!(
                (passes(name, false), passes(name, true)),
                (simulated, real),
                "{name}"
            );
        }
    }
}
