//! Entra and Graph on loopback, over TLS: the same bytes to everybody who asks.

use std::io;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;

use rustls::{ServerConfig, ServerConnection};

use crate::answers::Answers;
use crate::http;
use crate::pace::Pace;

/// Serves for as long as this process lives; says where.
pub fn start(tls: ServerConfig, answers: Answers, pace: Pace) -> io::Result<SocketAddr> {
    let listener = TcpListener::bind(("127.0.0.1", 0))?;
    let address = listener.local_addr()?;
    let shared = Arc::new((Arc::new(tls), answers, pace));
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let shared = Arc::clone(&shared);
            // A connection that breaks off is the function's to notice: it answers with an error then.
            thread::spawn(move || serve(stream, &shared.0, &shared.1, &shared.2));
        }
    });
    Ok(address)
}

fn serve(
    stream: TcpStream,
    tls: &Arc<ServerConfig>,
    answers: &Answers,
    pace: &Pace,
) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut tls = ServerConnection::new(Arc::clone(tls)).map_err(io::Error::other)?;
    tls.set_buffer_limit(None);
    let mut connection = Connection { stream, tls, pace };
    while connection.tls.is_handshaking() {
        match connection.tls.wants_write() {
            true => connection.flush()?,
            false if connection.receive()? == 0 => return Ok(()),
            false => {}
        }
    }
    // The tickets wait for the first answer, so that both come at once.
    while let Some(request) = http::read(&mut connection)? {
        let answer = answers.to(&request);
        io::Write::write_all(&mut connection.tls.writer(), answer)?;
        connection.flush()?;
    }
    Ok(())
}

struct Connection<'a> {
    stream: TcpStream,
    tls: ServerConnection,
    pace: &'a Pace,
}

impl Connection<'_> {
    fn receive(&mut self) -> io::Result<usize> {
        let length = self.tls.read_tls(&mut self.stream)?;
        self.tls.process_new_packets().map_err(io::Error::other)?;
        Ok(length)
    }

    /// Sends all that is to be sent.
    fn flush(&mut self) -> io::Result<()> {
        let mut records = Vec::new();
        while self.tls.wants_write() {
            self.tls.write_tls(&mut records)?;
        }
        self.pace.send(&mut self.stream, &records)
    }
}

impl io::Read for Connection<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            match self.tls.reader().read(buffer) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    if self.receive()? == 0 {
                        return Ok(0);
                    }
                }
                done => return done,
            }
        }
    }
}
