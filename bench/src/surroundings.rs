//! What surrounds a process: the Runtime API, the upstream, and the variables that say where they are.

use std::error::Error;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;
use std::{fs, io};

use crate::contestants::Contestant;
use crate::measure::Bench;
use crate::relay;
use crate::runtime_api::RuntimeApi;
use crate::tls::{self, Http};
use crate::upstream::{Ports, Upstream};

/// Where authorities are kept that can be trusted.
pub struct Roots {
    /// The bench's only.
    authority: PathBuf,
    /// It and those of the system, which a real process reads.
    bundle: PathBuf,
}

impl Roots {
    /// Writes both files.
    fn write(scratch: &Path, authority: &str) -> io::Result<Self> {
        let certifi = scratch.join("python/packages-requests/certifi/cacert.pem");
        let system = fs::read_to_string("/etc/ssl/certs/ca-certificates.crt");
        let system = system.or_else(|_| fs::read_to_string(certifi));
        let system = system.unwrap_or_else(|_| {
            eprintln!("There are no roots on this system: Python and the default Rust build are spared reading them.");
            String::new()
        });
        let roots = Self {
            authority: scratch.join("authority.pem"),
            bundle: scratch.join("bundle.pem"),
        };
        fs::write(&roots.authority, authority)?;
        fs::write(&roots.bundle, system + "\n" + authority)?;
        Ok(roots)
    }

    /// The names by which each language's usual client looks for authorities. For ours and for Node's they add to the roots that are
    /// built in, for the others they replace those that the machine has.
    pub fn variables(&self, contestant: &Contestant) -> [(String, OsString); 4] {
        let file = match contestant.replaces_roots {
            true => &self.bundle,
            false => &self.authority,
        };
        [
            "SSL_CERT_FILE",
            "NODE_EXTRA_CA_CERTS",
            "REQUESTS_CA_BUNDLE",
            "AWS_CA_BUNDLE",
        ]
        .map(|name| (name.to_owned(), file.into()))
    }
}

/// Starts all services.
pub fn set_up(http: Http, round_trip: Duration, scratch: PathBuf) -> Result<Bench, Box<dyn Error>> {
    let (tls, authority) = tls::make(http)?;
    let roots = Roots::write(&scratch, &authority)?;
    let public = |port| match round_trip.is_zero() {
        true => Ok(port),
        false => relay::start(round_trip, port),
    };
    let upstream = Upstream::start(tls, public)?;
    let Ports { login, api, aws } = upstream.ports;
    let runtime_api = RuntimeApi::start()?;
    let origin = |port| OsString::from(format!("https://localhost:{port}"));
    let variables = [
        (
            "AWS_LAMBDA_RUNTIME_API",
            format!("127.0.0.1:{}", runtime_api.port).into(),
        ),
        ("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST".into()),
        ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "128".into()),
        ("AWS_LAMBDA_LOG_GROUP_NAME", "/aws/lambda/bench".into()),
        ("AWS_LAMBDA_LOG_STREAM_NAME", "bench".into()),
        ("AWS_REGION", "us-east-1".into()),
        ("AWS_DEFAULT_REGION", "us-east-1".into()),
        ("AWS_ACCESS_KEY_ID", "ASIABENCHBENCHBENCH0".into()),
        (
            "AWS_SECRET_ACCESS_KEY",
            "bench/secret/access/key/0123456789abcdef".into(),
        ),
        ("AWS_SESSION_TOKEN", "bench-session-token".into()),
        (
            "AZURE_TENANT_ID",
            "5e1f0000-0000-4000-8000-000000000000".into(),
        ),
        (
            "AZURE_CLIENT_ID",
            "c11e0000-0000-4000-8000-000000000000".into(),
        ),
        ("AZURE_AUTHORITY_HOST", origin(login)),
        ("GRAPH_ENDPOINT", origin(api)),
        ("DEFENDER_ENDPOINT", origin(api)),
        ("AWS_ENDPOINT_URL", origin(aws)),
        ("TZ", ":UTC".into()),
    ];
    Ok(Bench {
        runtime_api,
        upstream,
        variables: variables
            .map(|(name, value)| (name.to_owned(), value))
            .to_vec(),
        roots,
        scratch,
    })
}
