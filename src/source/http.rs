//! HTTP as sources need it: bounded in time and size, tried again where that can help (spec §10).

use std::io::Read;
use std::thread;
use std::time::Duration;

use anyhow::{Result, anyhow, bail};
use ureq::Agent;
use ureq::tls::{RootCerts, TlsConfig};

use crate::deadline::Deadline;

/// How patient a request is.
#[derive(Clone, Copy, Debug)]
pub struct Policy {
    /// How often it is tried.
    pub tries: u32,
    /// The longest time for one try.
    pub timeout: Duration,
    /// The first pause between two tries, doubled after each.
    pub first_pause: Duration,
    /// The longest pause between two tries.
    pub longest_pause: Duration,
    /// The longest body, in bytes.
    pub body_max: u64,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            tries: 15,
            timeout: Duration::from_secs(10),
            first_pause: Duration::from_millis(100),
            longest_pause: Duration::from_secs(5),
            body_max: 16 << 20,
        }
    }
}

/// What a try came to.
enum Try {
    Body(Vec<u8>),
    Final(String),
    Again(String),
}

/// Fetches `url` over `http` or `https`. Errors never show the URL, which may hold credentials.
pub fn get(url: &str, policy: Policy, deadline: Deadline, stop: &dyn Fn() -> bool) -> Result<Vec<u8>> {
    let mut pause = policy.first_pause;
    let mut tries = 1;
    loop {
        match attempt(url, &policy, deadline) {
            Try::Body(body) => return Ok(body),
            Try::Final(why) => bail!(why),
            Try::Again(why) if tries >= policy.tries => bail!("{why} (tried {tries} times)"),
            Try::Again(why) if deadline.passed() => bail!("{why} (the run's time is up)"),
            Try::Again(why) if stop() => bail!("{why} (stopped)"),
            Try::Again(why) => log::debug!("a request failed, trying again: {why}"),
        }
        thread::sleep(deadline.clip(pause));
        pause = (pause * 2).min(policy.longest_pause);
        tries += 1;
    }
}

fn attempt(url: &str, policy: &Policy, deadline: Deadline) -> Try {
    let limit = deadline.clip(policy.timeout).max(Duration::from_millis(1));
    let agent: Agent = Agent::config_builder()
        .timeout_global(Some(limit))
        // What was asked for safely is not answered over a redirect that is not.
        .https_only(url.get(..6).is_some_and(|scheme| scheme.eq_ignore_ascii_case("https:")))
        .http_status_as_error(false)
        .tls_config(TlsConfig::builder().root_certs(RootCerts::PlatformVerifier).build())
        .user_agent(concat!("coreos-cloudinit/", env!("CARGO_PKG_VERSION")))
        .build()
        .into();
    let response = match agent.get(url).call() {
        Ok(response) => response,
        Err(error) => return refusal(&error),
    };
    let status = response.status();
    match status.as_u16() {
        200..=299 => {}
        408 | 425 | 429 => return Try::Again(format!("the server answers {status}")),
        400..=499 => return Try::Final(format!("the server answers {status}")),
        _ => return Try::Again(format!("the server answers {status}")),
    }
    let mut body = Vec::new();
    match response.into_body().into_reader().take(policy.body_max + 1).read_to_end(&mut body) {
        Ok(_) if body.len() as u64 > policy.body_max => {
            Try::Final(format!("the answer is more than {} bytes", policy.body_max))
        }
        Ok(_) => Try::Body(body),
        Err(error) => Try::Again(format!("the answer broke off: {}", error.kind())),
    }
}

/// What an error of the library means, in words that hold nothing of the URL.
fn refusal(error: &ureq::Error) -> Try {
    match error {
        ureq::Error::BadUri(_) | ureq::Error::Http(_) => Try::Final("the URL cannot be one".to_owned()),
        ureq::Error::HostNotFound => Try::Again("the host is not found".to_owned()),
        ureq::Error::Timeout(_) => Try::Again("no answer in time".to_owned()),
        ureq::Error::Io(error) => Try::Again(error.kind().to_string()),
        ureq::Error::ConnectionFailed => Try::Again("the connection failed".to_owned()),
        ureq::Error::TooManyRedirects => Try::Final("too many redirects".to_owned()),
        ureq::Error::Rustls(error) => Try::Final(format!("the connection is not safe: {error}")),
        _ => Try::Again("the request failed".to_owned()),
    }
}

/// Keys in the JSON that GitHub answers: `[{"key": "…"}]` (spec §7).
pub fn keys(body: &[u8]) -> Result<Vec<String>> {
    #[derive(serde::Deserialize)]
    struct Entry {
        key: String,
    }
    let entries: Vec<Entry> = serde_json::from_slice(body).map_err(|_| anyhow!("the answer is not a list of keys"))?;
    Ok(entries.into_iter().map(|entry| entry.key).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;
    use std::net::TcpListener;

    /// A server that gives these answers, one a connection, and says how many were asked for.
    fn serve(answers: Vec<String>) -> (String, thread::JoinHandle<usize>) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/x", listener.local_addr().unwrap());
        let server = thread::spawn(move || {
            let mut served = 0;
            for answer in answers {
                let (mut stream, _) = listener.accept().unwrap();
                let mut request = [0; 4096];
                let _ = stream.read(&mut request).unwrap();
                stream.write_all(answer.as_bytes()).unwrap();
                served += 1;
            }
            served
        });
        (url, server)
    }

    fn answer(status: &str, body: &str) -> String {
        format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}", body.len())
    }

    fn fetch(url: &str) -> Result<String> {
        let policy = Policy {
            tries: 4,
            timeout: Duration::from_secs(2),
            first_pause: Duration::from_millis(1),
            longest_pause: Duration::from_millis(2),
            body_max: 10,
        };
        let body = get(url, policy, Deadline::after(Duration::from_secs(20)), &|| false)?;
        Ok(String::from_utf8(body)?)
    }

    #[test]
    fn tries_again_where_that_can_help() {
        let (url, server) = serve(vec![answer("500 Oops", ""), answer("429 Slow", ""), answer("200 OK", "hi")]);
        assert_eq!(fetch(&url).unwrap(), "hi");
        assert_eq!(server.join().unwrap(), 3);
    }

    #[test]
    fn a_client_error_is_final() {
        let (url, server) = serve(vec![answer("404 Not Found", "")]);
        assert!(fetch(&url).unwrap_err().to_string().contains("404"));
        assert_eq!(server.join().unwrap(), 1);
    }

    #[test]
    fn bodies_are_capped_and_failures_bounded() {
        let (url, server) = serve(vec![answer("200 OK", "01234567890")]);
        assert!(fetch(&url).unwrap_err().to_string().contains("more than 10 bytes"));
        server.join().unwrap();
        let error = fetch("http://user:hunter2@127.0.0.1:1/secret").unwrap_err().to_string();
        assert!(error.contains("tried 4 times"), "{error}");
        assert!(!error.contains("hunter2") && !error.contains("secret"), "{error}");
    }

    #[test]
    fn keys_are_read_from_the_json_of_github() {
        assert_eq!(keys(br#"[{"id": 1, "key": "a"}, {"key": "b"}]"#).unwrap(), ["a", "b"]);
        assert!(keys(b"[]").unwrap().is_empty());
        assert!(keys(b"<html>").is_err());
    }
}
