//! A port of `localhost`: of both its addresses, where the machine has both, so that nobody first asks the wrong one.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr};

use tokio::net::{TcpListener, TcpStream};

/// A bound port. Connections can be made as soon as it exists.
pub struct Loopback {
    pub port: u16,
    listeners: Vec<std::net::TcpListener>,
}

impl Loopback {
    /// Binds a free port.
    pub fn bind() -> io::Result<Self> {
        let four = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let port = four.local_addr()?.port();
        let six = std::net::TcpListener::bind((Ipv6Addr::LOCALHOST, port)).ok();
        let listeners: Vec<_> = [Some(four), six].into_iter().flatten().collect();
        for listener in &listeners {
            listener.set_nonblocking(true)?;
        }
        Ok(Self { port, listeners })
    }

    /// Hands over every connection, to a function that returns at once, within the current runtime.
    pub fn accept(self, handle: impl Fn(TcpStream) + Clone + Send + 'static) -> io::Result<()> {
        for listener in self.listeners {
            let (listener, handle) = (TcpListener::from_std(listener)?, handle.clone());
            tokio::spawn(async move {
                loop {
                    if let Ok((stream, _)) = listener.accept().await {
                        let _ = stream.set_nodelay(true);
                        handle(stream);
                    }
                }
            });
        }
        Ok(())
    }
}
