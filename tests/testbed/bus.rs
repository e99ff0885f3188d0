//! A stand-in for the system bus of a machine or for systemd, with a fixed behavior.

use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::thread;

use super::machine::Machine;

/// The behavior of a stand-in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Manner {
    /// It does not complete the handshake.
    Deaf,
    /// It completes the handshake and never answers calls.
    Silent,
    /// It answers every call with an error.
    Failing,
    /// It answers every call with the version of systemd.
    Systemd,
}

/// The message of the errors.
pub const EXCUSE: &str = "nobody is in today";

impl Machine {
    /// Starts a stand-in. Returns the address for `DBUS_SYSTEM_BUS_ADDRESS`. The stand-in ends with the test.
    pub fn stand_in_bus(&self, manner: Manner) -> String {
        let path = format!("/run/stand-in-{manner:?}");
        let outside = format!("/proc/{}/root{path}", self.leader());
        listen(outside.as_ref(), manner);
        format!("unix:path={path}")
    }
}

/// Starts a stand-in at a socket of the host. The stand-in ends with the test.
pub fn listen(path: &Path, manner: Manner) {
    let listener = UnixListener::bind(path).unwrap_or_else(|e| panic!("failed to listen at {}: {e}", path.display()));
    thread::spawn(move || {
        // A connection without an answer must stay open.
        let mut kept = Vec::new();
        for stream in listener.incoming().flatten() {
            if manner == Manner::Deaf {
                kept.push(stream);
            } else {
                thread::spawn(move || serve(stream, manner));
            }
        }
    });
}

/// Serves one connection until it closes.
fn serve(mut stream: UnixStream, manner: Manner) -> std::io::Result<()> {
    let mut input = BufReader::new(stream.try_clone()?);
    loop {
        let mut line = String::new();
        if input.read_line(&mut line)? == 0 {
            return Ok(());
        }
        // The first line begins with a zero byte.
        let mut words = line.trim_start_matches('\0').split_whitespace();
        match words.next() {
            Some("AUTH") if words.next().is_none() => stream.write_all(b"REJECTED EXTERNAL\r\n")?,
            Some("AUTH") => stream.write_all(b"OK 0123456789abcdef0123456789abcdef\r\n")?,
            Some("NEGOTIATE_UNIX_FD") => stream.write_all(b"AGREE_UNIX_FD\r\n")?,
            Some("BEGIN") => break,
            _ => stream.write_all(b"ERROR\r\n")?,
        }
    }
    loop {
        let mut head = [0; 16];
        input.read_exact(&mut head)?;
        let word = |at: usize| u32::from_le_bytes([head[at], head[at + 1], head[at + 2], head[at + 3]]);
        let (body, serial, fields) = (word(4) as usize, word(8), word(12) as usize);
        let mut rest = vec![0; fields.next_multiple_of(8) + body];
        input.read_exact(&mut rest)?;
        let is_hello = rest.windows(6).any(|bytes| bytes == b"Hello\0");
        match manner {
            _ if is_hello => stream.write_all(&answer(serial, None, "s", &string(":1.1")))?,
            Manner::Failing => {
                let error = Some("org.freedesktop.DBus.Error.Failed");
                stream.write_all(&answer(serial, error, "s", &string(EXCUSE)))?;
            }
            Manner::Systemd => {
                // A property is a variant, so its type precedes the value.
                let version = [b"\x01s\0\0", &*string("252")].concat();
                stream.write_all(&answer(serial, None, "v", &version))?;
            }
            Manner::Silent | Manner::Deaf => {}
        }
    }
}

/// Formats the answer to the call `serial`: a reply, or an error with the name `error`. It has one value of the type
/// `signature`.
fn answer(serial: u32, error: Option<&str>, signature: &str, body: &[u8]) -> Vec<u8> {
    let mut fields = Vec::new();
    let mut field = |code: u8, kind: u8, value: &[u8]| {
        fields.resize(fields.len().next_multiple_of(8), 0);
        fields.extend([code, 1, kind, 0]);
        fields.extend(value);
    };
    field(5, b'u', &serial.to_le_bytes());
    field(7, b's', &string("org.freedesktop.DBus"));
    field(8, b'g', format!("\x01{signature}\0").as_bytes());
    if let Some(name) = error {
        field(4, b's', &string(name));
    }
    let length = |bytes: &[u8]| u32::try_from(bytes.len()).expect("it is short").to_le_bytes();
    let mut message = vec![b'l', if error.is_some() { 3 } else { 2 }, 0, 1];
    message.extend(length(body));
    message.extend(1_u32.to_le_bytes());
    message.extend(length(&fields));
    message.extend(fields);
    message.resize(message.len().next_multiple_of(8), 0);
    message.extend(body);
    message
}

fn string(text: &str) -> Vec<u8> {
    let length = u32::try_from(text.len()).expect("it is short").to_le_bytes();
    [&length[..], text.as_bytes(), b"\0"].concat()
}
