//! The process of a function: started with a Runtime API of its own, its output kept.

use std::collections::VecDeque;
use std::io::{self, PipeReader, Read, Write};
use std::process::{ExitStatus, Stdio};
use std::sync::Arc;

use tokio::net::{TcpListener, unix::pipe};
use tokio::process::{Child, Command};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

use super::server::{self, Answer, Call};
use super::{Builder, Watched, lock};

pub(super) struct Process {
    child: Child,
    calls: mpsc::UnboundedReceiver<Call>,
    output: PipeReader,
    log: Log,
    tasks: [JoinHandle<()>; 2],
    /// Where the next events go: it has asked for them.
    pub waiting: VecDeque<oneshot::Sender<Answer>>,
    /// It has asked for an event at least once.
    pub ready: bool,
}

/// What a process does next.
pub(super) enum Event {
    Call(Call),
    Exited(ExitStatus),
}

impl Process {
    /// Starts `bootstrap` with a clean environment and a listener that no earlier process knows, so that a late call
    /// of a killed one can never be taken for its successor's.
    pub fn start(function: &Builder, watched: &Arc<Watched>) -> io::Result<Self> {
        let listener = std::net::TcpListener::bind(("127.0.0.1", 0))?;
        listener.set_nonblocking(true)?;
        // One pipe for both streams keeps their order.
        let (output, input) = io::pipe()?;
        let child = Command::new(&function.bootstrap)
            .env_clear()
            .envs(&function.variables)
            .env("AWS_LAMBDA_RUNTIME_API", listener.local_addr()?.to_string())
            .stdin(Stdio::null())
            .stdout(input.try_clone()?)
            .stderr(input)
            // Ctrl-C at the terminal is for us: what is under way gets to finish.
            .process_group(0)
            .kill_on_drop(true)
            .spawn()
            .map_err(|error| {
                io::Error::new(
                    error.kind(),
                    format!("{}: {error}", function.bootstrap.display()),
                )
            })?;
        *lock(&watched.pid) = child.id().unwrap_or_default();
        *lock(&watched.starts) += 1;

        let log = Log {
            watched: Arc::clone(watched),
            echo: function.echo_logs,
        };
        let stream = pipe::Receiver::from_owned_fd(output.try_clone()?.into())?;
        let (sender, calls) = mpsc::unbounded_channel();
        let server = server::serve(
            TcpListener::from_std(listener)?,
            sender,
            Arc::clone(watched),
        );
        let tasks = [
            tokio::spawn(server),
            tokio::spawn(log.clone().follow(stream)),
        ];
        Ok(Self {
            child,
            calls,
            output,
            log,
            tasks,
            waiting: VecDeque::new(),
            ready: false,
        })
    }

    /// Waits for a call or for the end. May be dropped and called again.
    pub async fn event(&mut self) -> Event {
        tokio::select! {
            // A call made just before the end counts.
            biased;
            Some(call) = self.calls.recv() => Event::Call(call),
            status = self.child.wait() => Event::Exited(status.unwrap_or_default()),
        }
    }

    /// Whether it still runs, also when its end was not noticed yet.
    pub fn runs(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// Takes what has been written up to now into the logs, so that whoever gets an outcome finds all that led to it.
    pub fn read_output(&mut self) {
        let mut buffer = [0; 8192];
        // The clone that is followed has made the pipe non-blocking.
        while let Ok(length @ 1..) = self.output.read(&mut buffer) {
            self.log.add(&buffer[..length]);
        }
    }

    /// Kills the process if it still runs, and waits until it is gone.
    pub async fn end(mut self) {
        let _ = self.child.kill().await;
        self.read_output();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.tasks.iter().for_each(JoinHandle::abort);
    }
}

/// Where output goes.
#[derive(Clone)]
struct Log {
    watched: Arc<Watched>,
    echo: bool,
}

impl Log {
    async fn follow(self, stream: pipe::Receiver) {
        let mut buffer = [0; 8192];
        while stream.readable().await.is_ok() {
            match stream.try_read(&mut buffer) {
                Ok(0) => return,
                Ok(length) => self.add(&buffer[..length]),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(_) => return,
            }
        }
    }

    fn add(&self, output: &[u8]) {
        if self.echo {
            let _ = io::stderr().write_all(output);
        }
        lock(&self.watched.logs).add(output);
    }
}
