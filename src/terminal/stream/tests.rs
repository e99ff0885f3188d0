use io::Read;
use std::fs::File;
use std::os::unix::net::UnixStream;
use std::thread;

use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Action, OptionalActions, tcflow, tcgetattr, tcsetattr};

use super::*;

/// A size that exceeds the buffer of any pipe, socket or terminal.
const LINES: usize = 20_000;

fn leaked(descriptor: impl Into<OwnedFd>) -> BorrowedFd<'static> {
    let descriptor: &'static OwnedFd = Box::leak(Box::new(descriptor.into()));
    descriptor.as_fd()
}

fn line(number: usize) -> String {
    format!("{number:5} {}\n", "x".repeat(93))
}

/// Writes more than fits to a reader that does not read, and returns the time and the number of lost lines.
fn flood(stream: &Stream) -> (Duration, u64) {
    let began = Instant::now();
    for number in 0..LINES {
        stream.write(&line(number), true);
    }
    (began.elapsed(), stream.dropped.load(Ordering::Relaxed))
}

fn is_blocking(descriptor: BorrowedFd<'_>) -> bool {
    !rustix::fs::fcntl_getfl(descriptor).unwrap().contains(OFlags::NONBLOCK)
}

/// Opens a terminal that does not change its output. Returns the side of the screen and the side of the programs.
fn terminal() -> (File, OwnedFd) {
    let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
    grantpt(&master).unwrap();
    unlockpt(&master).unwrap();
    let name = ptsname(&master, Vec::new()).unwrap();
    let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC;
    let slave = rustix::fs::open(name, flags, Mode::empty()).unwrap();
    let mut mode = tcgetattr(&slave).unwrap();
    mode.make_raw();
    tcsetattr(&slave, OptionalActions::Now, &mode).unwrap();
    (master.into(), slave)
}

#[test]
fn a_reader_that_does_not_read_costs_lines_and_a_second_at_most() {
    let (_reader, pipe) = io::pipe().unwrap();
    let (_peer, socket) = UnixStream::pair().unwrap();
    let (_screen, full) = terminal();
    let (_other_screen, stopped) = terminal();
    tcflow(&stopped, Action::OOff).unwrap();
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("fifo");
    rustix::fs::mkfifoat(CWD, &path, Mode::RUSR | Mode::WUSR).unwrap();
    let fifo = File::options().read(true).write(true).open(&path).unwrap();
    let sinks: [(&str, OwnedFd); 5] = [
        ("pipe", pipe.into()),
        ("socket", socket.into()),
        ("terminal", full),
        ("stopped terminal", stopped),
        ("FIFO", fifo.into()),
    ];
    for (name, descriptor) in sinks {
        let descriptor = leaked(descriptor);
        let stream = Stream::bounded(descriptor);
        assert!(!matches!(stream.sink, Sink::Blocking | Sink::Polled(_)), "{name}: {:?}", stream.sink);
        let (took, dropped) = flood(&stream);
        assert!(took < Duration::from_secs(5), "{name}: {took:?}");
        assert!(dropped > 0, "{name}");
        assert!(is_blocking(descriptor), "{name}: the caller's descriptor was changed");
        let began = Instant::now();
        stream.write("another\n", true);
        assert!(began.elapsed() < Duration::from_millis(300), "{name}: the patience is used up only once");
    }
}

#[test]
fn poll_limits_a_write_if_the_stream_cannot_be_opened_again() {
    let (_reader, pipe) = io::pipe().unwrap();
    let (_screen, full) = terminal();
    let (_other_screen, stopped) = terminal();
    tcflow(&stopped, Action::OOff).unwrap();
    for (descriptor, piece) in [(pipe.into(), PIPE_PIECE), (full, 1), (stopped, 1)] {
        let stream = Stream::new(leaked(descriptor), Sink::Polled(piece));
        let (took, dropped) = flood(&stream);
        assert!(took < Duration::from_secs(20) && dropped > 0, "{took:?} {dropped}");
    }
}

#[test]
fn a_slow_reader_loses_nothing() {
    let (mut reader, pipe) = io::pipe().unwrap();
    let stream = Stream::bounded(leaked(pipe));
    let text: String = (0..4000).map(line).collect();
    let read = thread::scope(|scope| {
        let read = scope.spawn(|| {
            let (mut all, mut buffer) = (Vec::new(), [0; 4096]);
            while all.len() < text.len() {
                thread::sleep(Duration::from_millis(2));
                let count = reader.read(&mut buffer).unwrap();
                all.extend_from_slice(&buffer[..count]);
            }
            all
        });
        text.split_inclusive('\n').for_each(|line| stream.write(line, true));
        read.join().unwrap()
    });
    assert!(read == text.as_bytes());
    assert_eq!(stream.dropped.load(Ordering::Relaxed), 0);
}

#[test]
fn after_a_line_that_was_cut_off_comes_a_new_line() {
    let (mut reader, pipe) = io::pipe().unwrap();
    let stream = Stream::bounded(leaked(pipe));
    stream.state.lock().unwrap().patience = Duration::ZERO;
    stream.write(&"x".repeat(1 << 20), true);
    assert!(stream.state.lock().unwrap().torn);
    let mut buffer = vec![0; 1 << 20];
    assert!(reader.read(&mut buffer).unwrap() > 0);
    stream.write("whole\n", true);
    let count = reader.read(&mut buffer).unwrap();
    assert_eq!(&buffer[..count], b"\nwhole\n");
    stream.write("next\n", true);
    let count = reader.read(&mut buffer).unwrap();
    assert_eq!(&buffer[..count], b"next\n");
}

#[test]
fn a_drawn_line_waits_for_no_reader_and_is_not_counted() {
    let (_reader, pipe) = io::pipe().unwrap();
    let stream = Stream::bounded(leaked(pipe));
    let began = Instant::now();
    stream.write(&"x".repeat(1 << 20), false);
    assert!(began.elapsed() < Duration::from_millis(500));
    assert_eq!(stream.dropped.load(Ordering::Relaxed), 0);
    assert_eq!(stream.state.lock().unwrap().patience, PATIENCE);
}

#[test]
fn a_reader_that_is_gone_costs_lines_and_no_time() {
    let (reader, pipe) = io::pipe().unwrap();
    drop(reader);
    let (took, dropped) = flood(&Stream::bounded(leaked(pipe)));
    assert!(took < Duration::from_secs(1), "{took:?}");
    assert_eq!(dropped, LINES as u64);
    let (reader, _writer) = io::pipe().unwrap();
    let stream = Stream::bounded(leaked(reader));
    stream.write("nothing is gained by opening it again\n", true);
    assert_eq!(stream.dropped.load(Ordering::Relaxed), 1);
}

#[test]
fn the_screens_side_of_a_terminal_is_not_opened_again() {
    let (screen, mut slave) = {
        let (screen, slave) = terminal();
        (leaked(screen), File::from(slave))
    };
    let stream = Stream::bounded(screen);
    assert!(matches!(stream.sink, Sink::Polled(1)), "{:?}", stream.sink);
    stream.write("hello\n", true);
    let mut buffer = [0; 6];
    slave.read_exact(&mut buffer).unwrap();
    assert_eq!(&buffer, b"hello\n");
}

#[test]
fn a_file_is_written_where_the_caller_is() {
    use io::{Seek as _, Write as _};

    let mut file = tempfile::tempfile().unwrap();
    file.write_all(b"before\n").unwrap();
    let stream = Stream::bounded(leaked(file.try_clone().unwrap()));
    stream.write("after\n", true);
    file.rewind().unwrap();
    let mut text = String::new();
    file.read_to_string(&mut text).unwrap();
    assert_eq!(text, "before\nafter\n");
}
