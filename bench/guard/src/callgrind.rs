//! One process of the function under callgrind, from its start until it waits for the event after the last one.

use std::error::Error;
use std::ffi::OsString;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::answers::{Answers, TENANT};
use crate::chain;
use crate::pace::Pace;
use crate::profile::Cost;
use crate::runtime_api::{self, News, Work};
use crate::upstream;

/// How long a process may take: some seconds, on a machine that does nothing else.
const PATIENCE: Duration = Duration::from_secs(600);

/// The file of the root that the function trusts.
const ROOT: &str = "root.pem";

/// What to run, and where what it says goes.
pub struct Bench {
    /// With symbols: allocations are known by the names of functions.
    pub bootstrap: PathBuf,
    /// A directory beside it, our own. What callgrind found stays there, for `callgrind_annotate`.
    pub kept: PathBuf,
}

impl Bench {
    /// Runs the function for so many events and counts.
    pub fn cost(&self, work: Work, events: usize) -> Result<Cost, Box<dyn Error>> {
        let of = |kind: &str| self.kept.join(format!("{}-{events}.{kind}", work.handler));
        let (profile, log) = (of("callgrind"), of("log"));
        let chain = chain::make()?;
        fs::write(self.kept.join(ROOT), &chain.root)?;

        let pace = Pace::default();
        let (sender, news) = mpsc::channel();
        let upstream = upstream::start(chain.server, Answers::make(), pace.clone())?;
        let upstream = format!("https://{upstream}");
        let runtime_api = runtime_api::start(work, events, pace.clone(), sender)?;

        let mut out_file = OsString::from("--callgrind-out-file=");
        out_file.push(&profile);
        let output = File::create(&log)?;
        let child = Command::new("valgrind")
            .args([
                "--quiet",
                "--tool=callgrind",
                "--compress-strings=no",
                "--dump-line=no",
            ])
            .arg(out_file)
            // Wherever the checkout is, the function sees the same paths.
            .arg(Path::new("..").join(self.bootstrap.file_name().unwrap_or_default()))
            .current_dir(&self.kept)
            .env_clear()
            // Where valgrind is looked for as well.
            .env("PATH", "/usr/local/bin:/usr/bin:/bin")
            .envs(variables(work.handler, &upstream))
            .env("AWS_LAMBDA_RUNTIME_API", runtime_api.to_string())
            .env("SSL_CERT_FILE", ROOT)
            .stdin(Stdio::null())
            .stdout(output.try_clone()?)
            .stderr(output)
            .spawn()
            .map_err(|error| format!("valgrind cannot be started: {error}"))?;
        pace.follow(child.id());
        let mut process = Process(child);
        process
            .until_it_waits(&news)
            .and_then(|()| process.end(&pace))
            .map_err(|why| format!("{why}\n{}", fs::read_to_string(&log).unwrap_or_default()))?;
        match Cost::read(&fs::read_to_string(&profile)?) {
            Some(Cost { allocations: 0, .. }) => {
                let bootstrap = self.bootstrap.display();
                Err(format!("{bootstrap} has no symbols, by which allocations are known. Build it without `strip`").into())
            }
            Some(cost) => Ok(cost),
            None => Err(format!("{} is no profile of callgrind's", profile.display()).into()),
        }
    }
}

/// The rest of the environment. It is the same everywhere: reading it is counted.
fn variables<'a>(handler: &'a str, upstream: &'a str) -> [(&'static str, &'a str); 15] {
    [
        ("_HANDLER", handler),
        ("AWS_LAMBDA_FUNCTION_NAME", handler),
        ("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST"),
        ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "128"),
        ("AWS_LAMBDA_INITIALIZATION_TYPE", "on-demand"),
        ("AWS_LAMBDA_LOG_GROUP_NAME", "/aws/lambda/guarded"),
        ("AWS_LAMBDA_LOG_STREAM_NAME", "2026/11/21/[$LATEST]0"),
        ("AWS_LAMBDA_LOG_FORMAT", "JSON"),
        ("AWS_REGION", "us-east-1"),
        ("TZ", ":UTC"),
        ("AZURE_TENANT_ID", TENANT),
        ("AZURE_CLIENT_ID", TENANT),
        (
            "AZURE_CLIENT_SECRET",
            "a-secret-of-the-usual-length.0123456789~",
        ),
        ("AZURE_AUTHORITY_HOST", upstream),
        ("GRAPH_ENDPOINT", upstream),
    ]
}

struct Process(Child);

impl Process {
    fn until_it_waits(&mut self, news: &mpsc::Receiver<News>) -> Result<(), String> {
        let start = Instant::now();
        loop {
            match news.recv_timeout(Duration::from_millis(100)) {
                Ok(News::Waits) => return Ok(()),
                Ok(News::Wrong(what)) => {
                    return Err(format!("The function did not answer as it should: {what}"));
                }
                Err(RecvTimeoutError::Timeout) if start.elapsed() < PATIENCE => {
                    if let Some(status) = self.0.try_wait().map_err(|error| error.to_string())? {
                        return Err(format!("The function ended early, with {status}:"));
                    }
                }
                Err(_) => {
                    return Err(format!(
                        "The function took more than {} seconds:",
                        PATIENCE.as_secs()
                    ));
                }
            }
        }
    }

    /// Ends it where it waits, as Lambda does: callgrind writes what it has counted.
    fn end(&mut self, pace: &Pace) -> Result<(), String> {
        let end = || -> Result<(), Box<dyn Error>> {
            pace.wait()?;
            let id = i32::try_from(self.0.id())?;
            Ok(kill(Pid::from_raw(id), Signal::SIGTERM)?)
        };
        end().map_err(|error| format!("The function cannot be ended: {error}"))?;
        self.0.wait().map(drop).map_err(|error| error.to_string())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Whether valgrind is there.
pub fn is_here() -> bool {
    let asked = Command::new("valgrind")
        .arg("--version")
        .stdout(Stdio::null())
        .status();
    asked.is_ok_and(|status| status.success())
}
