//! The simulator as a process of its own: prints what to export, then serves until it is stopped.

use std::process::ExitCode;

use simulator::Simulator;

const USAGE: &str = "usage: simulator [--port NUMBER] [--tls]
A Defender tenant on 127.0.0.1. Prints the variables that point a function at it and serves until stopped.
With --tls, the root certificate to trust is written to the path in SSL_CERT_FILE that it prints.";

fn main() -> ExitCode {
    let mut builder = Simulator::builder().live_clock();
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--port" => match arguments.next().and_then(|port| port.parse().ok()) {
                Some(port) => builder = builder.port(port),
                None => return refused("--port takes a number from 0 to 65535"),
            },
            "--tls" => builder = builder.tls(),
            "--help" | "-h" => {
                println!("{USAGE}");
                return ExitCode::SUCCESS;
            }
            other => return refused(&format!("unknown argument {other}")),
        }
    }
    let simulator = match builder.start() {
        Ok(simulator) => simulator,
        Err(error) => {
            eprintln!("simulator: {error}");
            return ExitCode::FAILURE;
        }
    };
    for (name, value) in simulator.environment() {
        println!("export {name}='{}'", value.replace('\'', "'\\''"));
    }
    if let Some(pem) = simulator.ca_pem() {
        let path = std::env::temp_dir().join(format!("simulator-{}.pem", std::process::id()));
        if let Err(error) = std::fs::write(&path, pem) {
            eprintln!("simulator: {}: {error}", path.display());
            return ExitCode::FAILURE;
        }
        println!("export SSL_CERT_FILE='{}'", path.display());
    }
    eprintln!(
        "simulator: serving {}; see {}/_simulator/requests",
        simulator.origin(),
        simulator.origin()
    );
    loop {
        std::thread::park();
    }
}

fn refused(why: &str) -> ExitCode {
    eprintln!("simulator: {why}\n{USAGE}");
    ExitCode::from(2)
}
