//! The distance to the upstream: a port that passes on what comes, as late as a network with a given round trip would.

use std::io;
use std::net::Ipv4Addr;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};

use crate::loopback::Loopback;
use crate::own_thread;

/// What one read takes from a connection at most, in bytes.
const CHUNK: usize = 64 * 1024;
/// Chunks that may be under way in one direction of one connection: bandwidth is not what is missing here.
const UNDER_WAY: usize = 1024;

/// Opens a port in front of another. The round trip is waited for before the first byte of a connection passes, which is what
/// TCP's own handshake takes, and half of it by everything that passes.
pub fn start(round_trip: Duration, to: u16) -> io::Result<u16> {
    let loopback = Loopback::bind()?;
    let port = loopback.port;
    own_thread::spawn("relay", async move {
        let accepting = loopback.accept(move |near| {
            tokio::spawn(async move {
                let Ok(far) = TcpStream::connect((Ipv4Addr::LOCALHOST, to)).await else {
                    return;
                };
                let _ = far.set_nodelay(true);
                let open = Instant::now() + round_trip;
                let (near_in, near_out) = near.into_split();
                let (far_in, far_out) = far.into_split();
                tokio::join!(
                    pass(near_in, far_out, open, round_trip / 2),
                    pass(far_in, near_out, open, round_trip / 2),
                );
            });
        });
        if accepting.is_ok() {
            std::future::pending().await
        }
    })?;
    Ok(port)
}

async fn pass(
    mut from: impl AsyncReadExt + Unpin,
    mut to: impl AsyncWriteExt + Unpin,
    open: Instant,
    late: Duration,
) {
    let (sender, mut receiver) = mpsc::channel::<(Instant, Bytes)>(UNDER_WAY);
    let read = async move {
        let mut buffer = BytesMut::new();
        loop {
            buffer.reserve(CHUNK);
            if !matches!(from.read_buf(&mut buffer).await, Ok(1..)) {
                return;
            }
            let due = Instant::now().max(open) + late;
            if sender.send((due, buffer.split().freeze())).await.is_err() {
                return;
            }
        }
    };
    let write = async move {
        while let Some((due, chunk)) = receiver.recv().await {
            sleep_until(due).await;
            if to.write_all(&chunk).await.is_err() {
                return;
            }
        }
        let _ = to.shutdown().await;
    };
    tokio::join!(read, write);
}

#[cfg(test)]
mod tests {
    use super::*;

    /// By a clock that goes on by itself when everybody waits.
    #[tokio::test(start_paused = true)]
    async fn a_connection_costs_a_round_trip_and_every_way_half_of_one() {
        let round_trip = Duration::from_millis(50);
        let (mut near, relay_in) = tokio::io::duplex(CHUNK);
        let (relay_out, mut far) = tokio::io::duplex(CHUNK);
        let begun = Instant::now();
        tokio::spawn(pass(
            relay_in,
            relay_out,
            begun + round_trip,
            round_trip / 2,
        ));
        let mut byte = [0];
        near.write_all(b"1").await.unwrap();
        far.read_exact(&mut byte).await.unwrap();
        assert_eq!(begun.elapsed().as_millis(), 75);
        near.write_all(b"2").await.unwrap();
        far.read_exact(&mut byte).await.unwrap();
        assert_eq!((byte, begun.elapsed().as_millis()), (*b"2", 100));
    }
}
