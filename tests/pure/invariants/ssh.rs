//! SSH public keys.

use std::collections::HashSet;

use cloud_config::config::ssh_key::{Keys, collect, is_key};

use super::spans;

/// Checks an entry of a list of keys: each line is a key or is not, and the keys are as sshd reads them, a line each.
pub fn check(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let (mut keys, mut findings) = (Keys::default(), Vec::new());
    let others = collect(&text, None, &mut keys, &mut findings);
    let keys = keys.into_list();
    let lines: Vec<_> = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')).collect();
    let wanted: HashSet<_> = lines.iter().copied().filter(|line| is_key(line)).collect();
    assert_eq!(lines.iter().filter(|line| !is_key(line)).count(), others);
    assert_eq!(keys.len(), wanted.len(), "a key is there twice, or is not there");
    for key in &keys {
        assert!(wanted.contains(&**key));
        are_one_line(key);
    }
    assert_eq!(findings.len(), usize::from(others > 0));
    findings.iter().for_each(spans::one_line);
}

/// A line of `authorized_keys` has no way to become two.
pub fn are_one_line(key: &str) {
    assert!(!key.chars().any(|c| c.is_control() && c != '\t'));
    assert!(!key.starts_with('#') && key.trim() == key && !key.is_empty());
}
