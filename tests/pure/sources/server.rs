//! A web server for tests: it answers, stays silent, trickles, breaks off.

use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use rustix::net::sockopt::set_socket_linger;

/// A request to the server.
#[derive(Clone, Debug)]
pub struct Asked {
    pub method: String,
    pub path: String,
    pub headers: Vec<(String, String)>,
}

impl Asked {
    /// The value of a header.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }
}

/// The behavior of a server.
#[derive(Clone)]
pub enum Answer {
    /// A status, headers, a body.
    Whole(u16, Vec<(&'static str, String)>, Vec<u8>),
    /// These bytes, and then the end of the connection.
    Bytes(Vec<u8>),
    /// These bytes, and then a connection that breaks.
    Reset(Vec<u8>),
    /// These bytes, and then one byte again and again.
    Trickle(Vec<u8>),
    /// No answer, for longer than any wait.
    Silence,
    /// The next after some time.
    Late(Duration, Box<Answer>),
}

/// A body with status 200.
pub fn body(body: impl Into<Vec<u8>>) -> Answer {
    Answer::Whole(200, Vec::new(), body.into())
}

/// A status without a body.
pub fn status(status: u16) -> Answer {
    Answer::Whole(status, Vec::new(), Vec::new())
}

/// A redirect.
pub fn redirect(location: impl Into<String>) -> Answer {
    Answer::Whole(302, vec![("Location", location.into())], Vec::new())
}

/// A server that runs until the test program ends.
pub struct Server {
    pub url: String,
    asked: Arc<Mutex<Vec<Asked>>>,
}

impl Server {
    /// Starts a server that answers with the result of `answer`, which also gets the number of the request.
    pub fn start(answer: impl Fn(usize, &Asked) -> Answer + Send + Sync + 'static) -> Self {
        Self::listen(TcpListener::bind("127.0.0.1:0").unwrap(), answer)
    }

    /// Starts a server on an existing listener.
    pub fn listen(listener: TcpListener, answer: impl Fn(usize, &Asked) -> Answer + Send + Sync + 'static) -> Self {
        let url = format!("http://{}", listener.local_addr().unwrap());
        let asked = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&asked);
        let answer = Arc::new(answer);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (seen, answer) = (Arc::clone(&seen), Arc::clone(&answer));
                thread::spawn(move || {
                    // The client may have closed the connection.
                    let _ = serve(stream, &seen, &*answer);
                });
            }
        });
        Self { url, asked }
    }

    /// Answers with these, one a question, and with the last again and again.
    pub fn sequence(answers: Vec<Answer>) -> Self {
        Self::start(move |number, _| answers[number.min(answers.len() - 1)].clone())
    }

    /// Answers at these paths, and with 404 elsewhere.
    pub fn files(files: &[(&str, &str)]) -> Self {
        let files: Vec<_> = files.iter().map(|(path, body)| (format!("/{path}"), (*body).to_owned())).collect();
        Self::start(move |_, asked| {
            let found = files.iter().find(|(path, _)| *path == asked.path);
            found.map_or_else(|| status(404), |(_, text)| body(text.as_str()))
        })
    }

    /// Returns the requests so far.
    pub fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }

    /// The same as `GET /path`.
    pub fn paths(&self) -> Vec<String> {
        self.asked().iter().map(|asked| format!("{} {}", asked.method, asked.path)).collect()
    }
}

fn serve(
    mut stream: TcpStream,
    seen: &Mutex<Vec<Asked>>,
    answer: &dyn Fn(usize, &Asked) -> Answer,
) -> std::io::Result<()> {
    let Some(asked) = read(&stream)? else { return Ok(()) };
    let number = {
        let mut seen = seen.lock().unwrap();
        seen.push(asked.clone());
        seen.len() - 1
    };
    let mut answer = answer(number, &asked);
    while let Answer::Late(time, next) = answer {
        thread::sleep(time);
        answer = *next;
    }
    match answer {
        Answer::Whole(status, headers, body) => {
            let mut head =
                format!("HTTP/1.1 {status} Answer\r\nContent-Length: {}\r\nConnection: close\r\n", body.len());
            for (name, value) in headers {
                write!(head, "{name}: {value}\r\n").unwrap();
            }
            stream.write_all(format!("{head}\r\n").as_bytes())?;
            stream.write_all(&body)
        }
        Answer::Bytes(bytes) => stream.write_all(&bytes),
        Answer::Reset(bytes) => {
            stream.write_all(&bytes)?;
            // The sent bytes arrive first.
            thread::sleep(Duration::from_millis(50));
            set_socket_linger(&stream, Some(Duration::ZERO))?;
            Ok(())
        }
        Answer::Trickle(bytes) => {
            stream.write_all(&bytes)?;
            loop {
                thread::sleep(Duration::from_millis(20));
                stream.write_all(b"x")?;
            }
        }
        // Until the other side goes away.
        Answer::Silence => stream.read_to_end(&mut Vec::new()).map(|_| ()),
        Answer::Late(..) => unreachable!("it was unwrapped"),
    }
}

fn read(stream: &TcpStream) -> std::io::Result<Option<Asked>> {
    let mut lines = BufReader::new(stream).lines();
    let Some(first) = lines.next().transpose()? else { return Ok(None) };
    let mut words = first.split(' ').map(str::to_owned);
    let (method, path) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let mut headers = Vec::new();
    for line in lines {
        let line = line?;
        let Some((name, value)) = line.split_once(':') else { break };
        headers.push((name.to_owned(), value.trim().to_owned()));
    }
    Ok(Some(Asked { method, path, headers }))
}
