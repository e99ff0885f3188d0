//! The native protocol of the systemd journal. Sending does not block.
//!
//! A record is one datagram of fields. A field is `FIELD=value\n`, or `FIELD\n`, the length in 8 bytes, the value and
//! `\n`. A record that is too large for a datagram is passed as a sealed memfd. See
//! <https://systemd.io/JOURNAL_NATIVE_PROTOCOL/>.

use std::fs::File;
use std::io::{self, ErrorKind, IoSlice, Write as _};
use std::mem::MaybeUninit;
use std::os::fd::AsFd as _;
use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use log::Level;
use rustix::fs::{MemfdFlags, SealFlags, fcntl_add_seals, memfd_create};
use rustix::io::Errno;
use rustix::net::{SendAncillaryBuffer, SendAncillaryMessage, SendFlags, SocketAddrUnix, sendmsg_addr};

/// The socket of journald.
const SOCKET: &str = "/run/systemd/journal/socket";

/// The pause between two attempts to send a record while the queue of journald is full.
const PAUSE: Duration = Duration::from_millis(5);

/// Returns true if standard error is the stream that systemd connected to the journal (`JOURNAL_STREAM`).
pub(super) fn is_stderr() -> bool {
    let Ok(stat) = rustix::fs::fstat(rustix::stdio::stderr()) else { return false };
    std::env::var_os("JOURNAL_STREAM").is_some_and(|stream| *stream == *format!("{}:{}", stat.st_dev, stat.st_ino))
}

/// A socket for sending records to journald.
#[derive(Debug)]
pub(super) struct Journal {
    socket: UnixDatagram,
    path: &'static Path,
}

impl Journal {
    /// Connects to the journal of this machine, if a process is bound to its socket.
    pub(super) fn open() -> Option<Self> {
        Self::at(Path::new(SOCKET)).ok()
    }

    fn at(path: &'static Path) -> io::Result<Self> {
        let socket = UnixDatagram::unbound()?;
        socket.set_nonblocking(true)?;
        let journal = Self { socket, path };
        // journald discards an empty datagram, and a full queue also shows that it exists.
        match journal.try_send(&[]) {
            Err(error) if error.kind() != ErrorKind::WouldBlock => Err(error),
            _ => Ok(journal),
        }
    }

    /// Sends a record. Returns false if the record is lost: the queue of journald stayed full for `patience`, or
    /// journald has exited.
    pub(super) fn send(&self, record: &[u8], patience: Duration) -> bool {
        let began = Instant::now();
        loop {
            match self.try_send(record) {
                Ok(()) => return true,
                Err(error) if error.kind() == ErrorKind::WouldBlock && began.elapsed() < patience => {
                    thread::sleep(PAUSE);
                }
                Err(_) => return false,
            }
        }
    }

    fn try_send(&self, record: &[u8]) -> io::Result<()> {
        match self.socket.send_to(record, self.path) {
            Err(error) if Errno::from_io_error(&error) == Some(Errno::MSGSIZE) => self.try_send_large(record),
            result => result.map(drop),
        }
    }

    fn try_send_large(&self, record: &[u8]) -> io::Result<()> {
        let flags = MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING;
        let file = match memfd_create("coreos-cloudinit", flags) {
            // The sysctl `vm.memfd_noexec` can forbid executable memfds.
            Err(Errno::ACCESS) => memfd_create("coreos-cloudinit", flags | MemfdFlags::NOEXEC_SEAL)?,
            result => result?,
        };
        let mut file = File::from(file);
        file.write_all(record)?;
        // journald accepts a memfd only if it is sealed against changes.
        fcntl_add_seals(&file, SealFlags::SEAL | SealFlags::SHRINK | SealFlags::WRITE | SealFlags::GROW)?;
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
        let mut control = SendAncillaryBuffer::new(&mut space);
        let descriptors = [file.as_fd()];
        if !control.push(SendAncillaryMessage::ScmRights(&descriptors)) {
            return Err(ErrorKind::OutOfMemory.into());
        }
        let flags = SendFlags::NOSIGNAL | SendFlags::DONTWAIT;
        let address = SocketAddrUnix::new(self.path)?;
        sendmsg_addr(&self.socket, &address, &[IoSlice::new(&[])], &mut control, flags)?;
        Ok(())
    }
}

/// A record under construction.
pub(super) struct JournalEntry(Vec<u8>);

impl JournalEntry {
    /// Creates a record with the fields that every record has.
    pub(super) fn new(identifier: &str, level: Level, module: &str, message: &str) -> Self {
        let priority = match level {
            Level::Error => "3",
            Level::Warn => "4",
            Level::Info => "5",
            Level::Debug => "6",
            Level::Trace => "7",
        };
        let mut entry = Self(Vec::with_capacity(1024));
        entry.field("PRIORITY", priority);
        entry.field("MESSAGE", message);
        entry.field("SYSLOG_PID", &rustix::process::getpid().as_raw_pid().to_string());
        entry.field("SYSLOG_IDENTIFIER", identifier);
        entry.field("CODE_MODULE", module);
        entry.field("TARGET", module);
        entry
    }

    /// Adds a field.
    pub(super) fn field(&mut self, name: &str, value: &str) {
        self.0.extend_from_slice(name.as_bytes());
        if value.contains('\n') {
            self.0.push(b'\n');
            self.0.extend_from_slice(&(value.len() as u64).to_le_bytes());
        } else {
            self.0.push(b'=');
        }
        self.0.extend_from_slice(value.as_bytes());
        self.0.push(b'\n');
    }

    /// Returns the datagram to send.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read as _, Seek as _};

    use rustix::net::{RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, recvmsg};

    use super::*;

    /// A socket in place of journald's, and a journal that sends to it.
    fn pair() -> (tempfile::TempDir, UnixDatagram, Journal) {
        let dir = tempfile::tempdir().unwrap();
        let path: &'static Path = Box::leak(dir.path().join("socket").into_boxed_path());
        let socket = UnixDatagram::bind(path).unwrap();
        socket.set_nonblocking(true).unwrap();
        let journal = Journal::at(path).unwrap();
        assert_eq!(socket.recv(&mut [0; 8]).unwrap(), 0, "the datagram that looks for journald is empty");
        (dir, socket, journal)
    }

    #[test]
    fn a_value_with_a_line_break_has_its_length() {
        let mut entry = JournalEntry(Vec::new());
        entry.field("A", "x=y");
        entry.field("B", "x\ny");
        assert_eq!(entry.bytes(), b"A=x=y\nB\n\x03\0\0\0\0\0\0\0x\ny\n");
    }

    #[test]
    fn every_record_has_the_fields_of_a_syslog_message() {
        let entry = JournalEntry::new("me", Level::Warn, "m::n", "hello");
        let text = str::from_utf8(entry.bytes()).unwrap();
        let pid = rustix::process::getpid().as_raw_pid();
        let fields = format!(
            "PRIORITY=4\nMESSAGE=hello\nSYSLOG_PID={pid}\nSYSLOG_IDENTIFIER=me\nCODE_MODULE=m::n\nTARGET=m::n\n"
        );
        assert_eq!(text, fields);
    }

    #[test]
    fn a_record_for_a_full_queue_is_dropped_and_the_next_is_tried() {
        let (_dir, socket, journal) = pair();
        let began = Instant::now();
        let sent = (0..100_000).take_while(|_| journal.send(b"MESSAGE=x\n", Duration::ZERO)).count();
        assert!(sent > 0 && sent < 100_000, "{sent}");
        let large = vec![b'x'; 8 << 20];
        assert!(!journal.send(&large, Duration::ZERO), "a memfd does not wait either");
        assert!(Journal::at(journal.path).is_ok(), "a full queue is a journal");
        assert!(began.elapsed() < Duration::from_secs(10));
        while socket.recv(&mut [0; 64]).is_ok() {}
        assert!(journal.send(b"MESSAGE=y\n", Duration::ZERO));
        let mut next = [0; 64];
        assert_eq!(socket.recv(&mut next).map(|length| next[..length].to_vec()).unwrap(), b"MESSAGE=y\n");
    }

    #[test]
    fn patience_ends() {
        let (_dir, socket, journal) = pair();
        while journal.send(b"MESSAGE=x\n", Duration::ZERO) {}
        let began = Instant::now();
        assert!(!journal.send(b"MESSAGE=y\n", Duration::from_millis(60)));
        assert!((60..1000).contains(&began.elapsed().as_millis()), "{:?}", began.elapsed());
        thread::scope(|scope| {
            scope.spawn(|| {
                thread::sleep(Duration::from_millis(50));
                while socket.recv(&mut [0; 64]).is_ok() {}
            });
            assert!(journal.send(b"MESSAGE=z\n", Duration::from_secs(20)), "a queue that is read again takes it");
        });
    }

    #[test]
    fn a_record_that_is_too_large_for_a_datagram_is_a_sealed_file() {
        let (_dir, socket, journal) = pair();
        let record = vec![b'x'; 8 << 20];
        assert!(journal.send(&record, Duration::ZERO));
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
        let mut control = RecvAncillaryBuffer::new(&mut space);
        let received = recvmsg(&socket, &mut [], &mut control, RecvFlags::empty()).unwrap();
        assert_eq!(received.bytes, 0);
        let message = control.drain().next().unwrap();
        let RecvAncillaryMessage::ScmRights(mut descriptors) = message else { panic!("no descriptor") };
        let mut file = File::from(descriptors.next().unwrap());
        let seals = rustix::fs::fcntl_get_seals(&file).unwrap();
        assert!(seals.contains(SealFlags::SEAL | SealFlags::SHRINK | SealFlags::WRITE | SealFlags::GROW), "{seals:?}");
        let mut bytes = Vec::new();
        file.rewind().unwrap();
        file.read_to_end(&mut bytes).unwrap();
        assert!(bytes == record);
    }

    #[test]
    fn without_a_socket_there_is_no_journal() {
        let dir = tempfile::tempdir().unwrap();
        let path: &'static Path = Box::leak(dir.path().join("socket").into_boxed_path());
        assert!(Journal::at(path).is_err());
        drop(UnixDatagram::bind(path).unwrap());
        assert!(Journal::at(path).is_err(), "nothing is bound to the socket");
    }
}
