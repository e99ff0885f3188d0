//! A web server that only one machine can reach.

use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::os::fd::AsFd;
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex};
use std::thread;

use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

use super::machine::Machine;
use super::web::{Answer, Asked, Server};

/// The requests to a server: `GET /path`, one per request.
pub type Requests = Arc<Mutex<Vec<String>>>;

impl Machine {
    /// Serves HTTP at `127.0.0.1:port` in the machine, until the machine and the test end.
    ///
    /// `answer` returns the status and the body for a path.
    pub fn serve(&self, port: u16, answer: impl Fn(&str) -> (u16, String) + Send + 'static) -> Requests {
        let requests = Requests::default();
        let seen = Arc::clone(&requests);
        let namespace = File::open(format!("/proc/{}/ns/net", self.leader())).expect("the machine runs");
        let (ready, is_ready) = channel();
        // A socket stays in the network namespace in which it was created, whatever namespace its threads are in.
        thread::spawn(move || {
            move_into_link_name_space(namespace.as_fd(), Some(LinkNameSpaceType::Network)).expect("we are root");
            let listener = TcpListener::bind(("127.0.0.1", port)).expect("nobody else listens there");
            let _ = ready.send(());
            for stream in listener.incoming().flatten() {
                let _ = serve_one(stream, &answer, &seen);
            }
        });
        is_ready.recv().expect("the server starts");
        requests
    }
}

impl Machine {
    /// Serves HTTP at `address:port` in the machine, which gets that address. `answer` gets the number of the request
    /// and the request.
    pub fn serve_at(
        &self,
        address: &str,
        port: u16,
        answer: impl Fn(usize, &Asked) -> Answer + Send + Sync + 'static,
    ) -> Server {
        self.sh(&format!("ip link set lo up; ip address replace {address}/32 dev lo"));
        let namespace = File::open(format!("/proc/{}/ns/net", self.leader())).expect("the machine runs");
        let (address, (sender, receiver)) = (address.to_owned(), channel());
        thread::spawn(move || {
            move_into_link_name_space(namespace.as_fd(), Some(LinkNameSpaceType::Network)).expect("we are root");
            let listener = TcpListener::bind((address.as_str(), port)).expect("nobody else listens there");
            // The threads of the server inherit the network namespace of this thread.
            let _ = sender.send(Server::listen(listener, answer));
        });
        receiver.recv().expect("the server starts")
    }
}

fn serve_one(
    mut stream: TcpStream,
    answer: &impl Fn(&str) -> (u16, String),
    seen: &Mutex<Vec<String>>,
) -> std::io::Result<()> {
    let mut lines = BufReader::new(stream.try_clone()?).lines();
    let request = lines.next().transpose()?.unwrap_or_default();
    for line in lines {
        if line?.is_empty() {
            break;
        }
    }
    let mut words = request.split(' ');
    let (method, path) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    seen.lock().expect("nobody panics here").push(format!("{method} {path}"));
    let (status, body) = answer(path);
    let length = body.len();
    write!(stream, "HTTP/1.1 {status} Answer\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}")
}
