//! What a test starts beside itself, and what ends with it.

use std::{
    fs::{self, File},
    net::{TcpListener, TcpStream},
    path::PathBuf,
    process::{Child, Command, ExitStatus},
    thread,
    time::Duration,
};

use crate::python::scratch;

/// A running program; killed on drop.
pub struct Process {
    child: Child,
    log: PathBuf,
}

impl Process {
    /// Starts the command, with its output in a file of that name.
    pub fn start(name: &str, command: &mut Command) -> Self {
        let log = scratch("logs").join(name);
        let output = File::create(&log).expect("target can be written");
        let child = command
            .stdout(output.try_clone().expect("a file can be written twice"))
            .stderr(output)
            .spawn()
            .unwrap_or_else(|error| panic!("{command:?}: {error}"));
        Self { child, log }
    }

    /// What it wrote so far.
    pub fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }

    fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().expect("a child can be waited for")
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It is gone already, or it goes now.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A server on loopback; killed on drop.
pub struct Server {
    process: Process,
    pub port: u16,
    pub origin: String,
}

impl Server {
    /// Starts what `command` makes for a free port, and waits until it takes connections.
    ///
    /// # Panics
    /// With what the server wrote, if it ends instead or is not there after a minute.
    pub fn start(name: &str, command: impl FnOnce(u16) -> Command) -> Self {
        let free = TcpListener::bind("127.0.0.1:0").and_then(|socket| socket.local_addr());
        let port = free.expect("loopback is there").port();
        let mut process = Process::start(&format!("{name}-{port}"), &mut command(port));
        for _ in 0..600 {
            if TcpStream::connect(("127.0.0.1", port)).is_ok() {
                let origin = format!("http://127.0.0.1:{port}");
                return Self {
                    process,
                    port,
                    origin,
                };
            }
            if let Some(status) = process.ended() {
                panic!("{name} ended ({status}):\n{}", process.log());
            }
            thread::sleep(Duration::from_millis(100));
        }
        panic!(
            "{name} took no connection within a minute:\n{}",
            process.log()
        );
    }

    pub fn log(&self) -> String {
        self.process.log()
    }
}
