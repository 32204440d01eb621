//! A thread with an async runtime of its own: what is measured never waits for what measures.

use std::io;
use std::thread;

use tokio::runtime;

/// Runs the future on a new thread until the process ends.
pub fn spawn(name: &str, future: impl Future<Output = ()> + Send + 'static) -> io::Result<()> {
    let runtime = runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let thread = thread::Builder::new().name(name.to_owned());
    thread.spawn(move || runtime.block_on(future))?;
    Ok(())
}
