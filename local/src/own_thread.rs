//! A thread with an async runtime of its own, so that a server can be held by sync and async callers alike.

use std::io;
use std::sync::mpsc;
use std::thread::{self, JoinHandle};

use tokio::runtime;

/// Calls `start` on a new thread, within its runtime, waits for what it says, and lets the future that it gives run
/// there to its end.
pub(crate) fn spawn<F: Future<Output = ()>>(
    name: String,
    start: impl FnOnce() -> io::Result<F> + Send + 'static,
) -> io::Result<JoinHandle<()>> {
    let (started, start_up) = mpsc::channel();
    let thread = thread::Builder::new().name(name).spawn(move || {
        let runtime = match runtime::Builder::new_current_thread().enable_all().build() {
            Ok(runtime) => runtime,
            Err(error) => return drop(started.send(Err(error))),
        };
        runtime.block_on(async {
            match start() {
                Ok(running) => {
                    let _ = started.send(Ok(()));
                    running.await;
                }
                Err(error) => drop(started.send(Err(error))),
            }
        });
    })?;
    start_up.recv().map_err(io::Error::other)??;
    Ok(thread)
}
