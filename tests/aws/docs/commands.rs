//! The commands of the pages, run as somebody would who reads a page from top to bottom: `cargo local` against the simulator, `aws`
//! and `curl` against the stack, deployed to ministack.

use std::{
    collections::BTreeMap,
    fmt::Write,
    fs::{self, File},
    net::TcpListener,
    os::unix::fs::{PermissionsExt, symlink},
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use simulator::Simulator;

use super::pages::{self, Page};
use crate::{
    checkout,
    python::{Python, scratch},
    stack::Stack,
    unrolled::EVERYTHING,
};

/// One test, because one deployment serves all of it. `DOCS=docs/http.md,README.md` reads these pages alone.
#[test]
fn every_command_of_the_docs_runs() {
    let chosen = std::env::var("DOCS").ok();
    let mut pages = pages::all();
    // Made of the samples in `events`, which tests of their own send, each to a tenant where it has something to find.
    pages.retain(|page| page.name != "docs/operations.md");
    pages.retain(|page| {
        chosen
            .as_ref()
            .is_none_or(|chosen| chosen.split(',').any(|name| name == page.name))
    });
    // Whose actions come to their end.
    let simulator = Simulator::builder()
        .live_clock()
        .start()
        .expect("loopback has a free port");
    let stack = Stack::deploy_before("docs", simulator, &parameters());
    let reader = Reader::at(&stack);
    let failures: Vec<String> = pages
        .iter()
        .filter_map(|page| reader.follows(page))
        .collect();
    assert!(
        failures.is_empty(),
        "{}\n{}",
        failures.join("\n"),
        stack.ministack.log()
    );
}

/// Everything that the pages call.
fn parameters() -> Vec<(&'static str, &'static str)> {
    let mut chosen = EVERYTHING.to_vec();
    // The stack has secrets of its own here.
    chosen.retain(|(name, _)| *name != "ClientSecretArn");
    chosen.extend([
        ("AllowedTenants", "registry"),
        ("CollectTenants", "own,registry"),
        ("Results", "deploy"),
        ("Streaming", "deploy"),
        ("IncidentsSchedule", ""),
        ("AlertsSchedule", ""),
        ("HuntingSchedule", ""),
        ("CallerArn", "arn:aws:iam::000000000000:root"),
    ]);
    // Of a name that is there twice, the last counts.
    chosen
        .into_iter()
        .collect::<BTreeMap<_, _>>()
        .into_iter()
        .collect()
}

/// Somebody with a shell, in a folder of their own with the checkout in it.
struct Reader<'a> {
    stack: &'a Stack,
    folder: PathBuf,
    path: String,
}

impl<'a> Reader<'a> {
    fn at(stack: &'a Stack) -> Self {
        let folder = scratch("docs");
        fs::remove_dir_all(&folder).expect("it can be emptied");
        fs::create_dir_all(folder.join("bin")).expect("target can be written");
        for entry in fs::read_dir(checkout("")).expect("the checkout is there") {
            let entry = entry.expect("an entry");
            symlink(entry.path(), folder.join(entry.file_name())).expect("target can be written");
        }
        program(&folder.join("bin/aws"), AWS);
        let binaries = [
            folder.join("bin"),
            Python::cloud().program(""),
            Python::sam().program(""),
        ];
        let path = std::env::var("PATH").unwrap_or_default();
        let path = binaries
            .iter()
            .map(|folder| folder.display().to_string())
            .chain([path]);
        Self {
            stack,
            path: path.collect::<Vec<_>>().join(":"),
            folder,
        }
    }

    /// What went wrong, if anything did.
    fn follows(&self, page: &Page) -> Option<String> {
        let script = script(page)?;
        let port = TcpListener::bind("127.0.0.1:0").and_then(|socket| socket.local_addr());
        let port = port.expect("loopback has a free port").port().to_string();
        let script = script.replace("localhost:3000", &format!("localhost:{port}"));
        let inherited = [
            "HOME",
            "CARGO_HOME",
            "RUSTUP_HOME",
            "RUSTUP_TOOLCHAIN",
            "CARGO_TARGET_DIR",
        ];
        let inherited = inherited
            .into_iter()
            .chain(["CARGO_PROFILE_DEV_DEBUG", "CARGO_INCREMENTAL"]);
        let inherited = inherited.filter_map(|name| Some((name, std::env::var_os(name)?)));
        let log = scratch("logs").join(page.name.replace('/', "-"));
        let output = File::create(&log).expect("target can be written");
        let mut shell = Command::new("timeout")
            .args(["240", "bash", "-euo", "pipefail", "-c", &script])
            .current_dir(&self.folder)
            .env_clear()
            .envs(inherited)
            .env("PATH", &self.path)
            .env("CHECKOUT", checkout(""))
            .env("PORT", &port)
            .env("AWS", Python::cli().program("aws"))
            .env("AWS_ENDPOINT_URL", &self.stack.ministack.origin)
            .env("AWS_REGION", "eu-west-1")
            .env("AWS_DEFAULT_REGION", "eu-west-1")
            .env("AWS_ACCESS_KEY_ID", "test")
            .env("AWS_SECRET_ACCESS_KEY", "test")
            .env("AWS_SESSION_TOKEN", "test")
            .env("AWS_CONFIG_FILE", "/dev/null")
            .env("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")
            .env("AWS_PAGER", "")
            .env("SAM_CLI_TELEMETRY", "0")
            .stdout(output.try_clone().expect("a file can be written twice"))
            .stderr(output)
            .spawn()
            .expect("bash is there");
        let status = shell.wait().expect("a child can be waited for");
        // `timeout` leads a group, in which are the servers that the page has begun.
        let group = format!("-{}", shell.id());
        let _ = Command::new("kill")
            .args(["--", &group])
            .stderr(Stdio::null())
            .status();
        let said = fs::read_to_string(log).expect("it was written");
        let last = said.rfind("@@ ").unwrap_or_default();
        (!status.success()).then(|| format!("{} ({status})", &said[last..]))
    }
}

/// The blocks that are run, one after another in one shell; none, if there is nothing to run.
fn script(page: &Page) -> Option<String> {
    let blocks = page.blocks.iter().filter(|block| block.not_run.is_none());
    let mut script = String::from(PRELUDE);
    let mut some = false;
    for block in blocks {
        let place = format!("echo '@@ {}:{}'\n", page.name, block.line);
        match block.language.as_str() {
            "sh" => writeln!(script, "{place}{}", block.text),
            _ if block.save_as.is_some() => {
                let file = block.save_as.as_deref().unwrap_or_default();
                write!(script, "cat > {file} <<'END'\n{}\nEND\n", block.text)
            }
            "python" => write!(
                script,
                "{place}python <<'END'\n{RESOLVER}{}\nEND\n",
                block.text
            ),
            _ => continue,
        }
        .expect("a text grows");
        some = true;
    }
    some.then_some(script)
}

/// `cargo` works in the checkout, its server takes a port that is free, whoever asks that waits for it, and a refusal is a failure.
const PRELUDE: &str = r#"
cargo() {
  case "$1 ${2-}" in
    'test '*) ;; # which this is one of
    'local serve')
      if ((BASH_SUBSHELL == 0)); then cargo "$@" & return; fi
      cd "$CHECKOUT"; exec cargo "$@" --port "$PORT" ;;
    *) (cd "$CHECKOUT"; exec cargo "$@") ;;
  esac
}
curl() {
  case "$*" in *localhost:"$PORT"*)
    until (exec 3<>"/dev/tcp/127.0.0.1/$PORT") 2>/dev/null; do sleep 0.2; done ;;
  esac
  command curl --silent --show-error --fail-with-body --max-time 120 "$@"
}
"#;

/// The HTTP APIs are below `localhost` here, which curl knows, and Python's resolver asks for.
const RESOLVER: &str = "\
import socket
resolve = socket.getaddrinfo
socket.getaddrinfo = lambda host, *more, **named: resolve('127.0.0.1' if str(host).endswith('.localhost') else host, *more, **named)
";

/// Version 1 of the CLI, which is a package, takes payloads as they are; version 2 has to be asked to. Neither minds the error of a
/// function or of an execution.
const AWS: &str = r#"#!/usr/bin/env bash
set -o pipefail
kept=()
for word; do
  case $word in --cli-binary-format | raw-in-base64-out) ;; *) kept+=("$word") ;; esac
done
case "$1 $2" in
  'lambda invoke' | 'stepfunctions describe-execution') said=$("$AWS" --endpoint-url "$AWS_ENDPOINT_URL" "${kept[@]}") || exit; printf '%s\n' "$said"; [[ $said != *FunctionError* && $said != *FAILED* ]] ;;
  *) exec "$AWS" --endpoint-url "$AWS_ENDPOINT_URL" "${kept[@]}" ;;
esac
"#;

fn program(path: &Path, text: &str) {
    fs::write(path, text).expect("target can be written");
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).expect("target can be written");
}
