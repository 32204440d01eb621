//! When a server may speak: once the function has done all that it can do without.
//!
//! Whether an answer is there before it is waited for would be chance, and each wait is some thousand instructions.

use std::fs;
use std::io::{self, Write};
use std::net::TcpStream;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::thread;
use std::time::Duration;

/// How often in a row, a millisecond apart, the process has to be seen asleep.
const LOOKS: usize = 5;
/// The bytes that are sent at once, in one write: few enough to be in the receiver's buffer when it wakes.
const PIECE: usize = 32 * 1024;

/// The process that the servers wait for, shared by all of their connections.
#[derive(Clone, Default)]
pub struct Pace(Arc<Shared>);

#[derive(Default)]
struct Shared {
    process: OnceLock<u32>,
    /// Two answers at once would come in either order.
    turn: Mutex<()>,
}

impl Pace {
    /// Says which process it is.
    pub fn follow(&self, process: u32) {
        self.0.process.get_or_init(|| process);
    }

    /// Sends all of it, each piece when the process sleeps.
    pub fn send(&self, stream: &mut TcpStream, bytes: &[u8]) -> io::Result<()> {
        let _turn = self.0.turn.lock().unwrap_or_else(PoisonError::into_inner);
        for piece in bytes.chunks(PIECE) {
            self.wait()?;
            stream.write_all(piece)?;
        }
        Ok(())
    }

    /// Waits until the process sleeps. An error is that it is gone.
    pub fn wait(&self) -> io::Result<()> {
        let process = *self.0.process.wait();
        let mut seen = 0;
        while seen < LOOKS {
            thread::sleep(Duration::from_millis(1));
            seen = if sleeps(process)? { seen + 1 } else { 0 };
        }
        Ok(())
    }
}

/// Whether all threads sleep.
fn sleeps(process: u32) -> io::Result<bool> {
    for thread in fs::read_dir(format!("/proc/{process}/task"))? {
        let stat = fs::read_to_string(thread?.path().join("stat"))?;
        // The state follows the name, which is in brackets and may hold some itself.
        let state = stat.rsplit_once(") ").map(|(_, rest)| rest);
        if !state.is_some_and(|state| state.starts_with('S')) {
            return Ok(false);
        }
    }
    Ok(true)
}
