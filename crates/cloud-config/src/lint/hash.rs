//! The kinds of password hashes, recognized by their form (crypt(5)).

/// The kinds of values for `passwd`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Hash {
    /// A secure hash.
    Strong,
    /// A hash that can be cracked, with the name of its method.
    Weak(&'static str),
    /// A truncated hash, or one with additional text: no password matches it.
    Broken,
    /// A value that matches no password on purpose, such as `*` or `!`.
    Locked,
    /// Any other text, which is not a hash.
    Other,
}

/// Methods with a known form: the prefix, the length of the hash itself, and the name if the method is weak.
const METHODS: [(&str, usize, Option<&str>); 8] = [
    ("1", 22, Some("MD5")),
    ("5", 43, None),
    ("6", 86, None),
    ("2", 53, None),
    ("2a", 53, None),
    ("2b", 53, None),
    ("2x", 53, None),
    ("2y", 53, None),
];

/// Methods that are always weak, with their names.
const WEAK: [(&str, &str); 4] = [("md5", "MD5"), ("3", "NT"), ("sha1", "SHA-1"), ("apr1", "MD5")];

/// Returns the kind of `text`.
pub(super) fn kind(text: &str) -> Hash {
    if text.starts_with(['*', '!']) || matches!(text, "x" | "NP" | "LK") {
        return Hash::Locked;
    }
    if let Some(rest) = text.strip_prefix('$') {
        return method(rest);
    }
    let is_traditional = text.len() == 13 && is_hash(text);
    let is_extended = text.len() == 20 && text.strip_prefix('_').is_some_and(is_hash);
    if is_traditional || is_extended { Hash::Weak("DES") } else { Hash::Other }
}

/// Returns the kind of a hash after its first `$`: a method, settings and a salt, and the hash, separated by `$`.
fn method(text: &str) -> Hash {
    let Some((method, rest)) = text.split_once('$') else { return Hash::Other };
    let name = method.split(',').next().unwrap_or_default();
    if name.is_empty() || !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-') {
        return Hash::Other;
    }
    if let Some((_, length, weak)) = METHODS.iter().find(|(known, ..)| *known == name) {
        // The salt may be empty, and the hash follows the last `$`.
        let (before, hash) = rest.rsplit_once('$').unwrap_or(("", rest));
        let parts = if name.starts_with('2') { !before.is_empty() } else { rest.contains('$') };
        let whole = parts && hash.len() == *length && is_hash(hash);
        return if whole { weak.map_or(Hash::Strong, Hash::Weak) } else { Hash::Broken };
    }
    let weak = WEAK.iter().find(|(known, _)| *known == name).map(|(_, weak)| Hash::Weak(weak));
    // The forms of other methods are not known; some text has to follow.
    let whole = rest.bytes().any(|byte| byte != b'$') && rest.bytes().all(|byte| byte.is_ascii_graphic());
    if whole { weak.unwrap_or(Hash::Strong) } else { Hash::Broken }
}

/// Returns true if `text` has only the characters of hashes.
fn is_hash(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'/'))
}

#[cfg(test)]
mod tests {
    use super::{Hash, kind};

    #[test]
    fn hashes_are_recognized_by_their_form() {
        let hash = |length: usize| "a./Z0".repeat(20)[..length].to_owned();
        for (text, expected) in [
            (format!("$6$salt${}", hash(86)), Hash::Strong),
            (format!("$6$rounds=5000$salt${}", hash(86)), Hash::Strong),
            (format!("$6$${}", hash(86)), Hash::Strong),
            (format!("$5$salt${}", hash(43)), Hash::Strong),
            (format!("$2y$10${}", hash(53)), Hash::Strong),
            (format!("$y$j9T$salt${}", hash(43)), Hash::Strong),
            (format!("$gy$j9T$salt${}", hash(43)), Hash::Strong),
            (format!("$7$CU..../....salt${}", hash(43)), Hash::Strong),
            (format!("$argon2id$v=19$m=65536,t=2,p=1$salt${}", hash(43)), Hash::Strong),
            (format!("$1$salt${}", hash(22)), Hash::Weak("MD5")),
            (format!("$md5,rounds=5$salt$${}", hash(22)), Hash::Weak("MD5")),
            (format!("$3$${}", hash(32)), Hash::Weak("NT")),
            (hash(13), Hash::Weak("DES")),
            (format!("_{}", hash(19)), Hash::Weak("DES")),
            (format!("$6$salt${}", hash(85)), Hash::Broken),
            (format!("$6$salt${}...", hash(40)), Hash::Broken),
            (format!("$6${}", hash(86)), Hash::Broken),
            (format!("$2y${}", hash(53)), Hash::Broken),
            ("$6$salt$<hash>".to_owned(), Hash::Broken),
            ("$y$".to_owned(), Hash::Broken),
        ] {
            assert_eq!(kind(&text), expected, "{text}");
        }
    }

    #[test]
    fn what_no_password_matches() {
        for text in ["*", "!", "!!", "!*", "*LK*", "*NP*", "x", "!$6$salt$hash"] {
            assert_eq!(kind(text), Hash::Locked, "{text}");
        }
        for text in
            ["secret", "correct horse", "12345678", " $6$a$b", "$6", "$", "$$", "$a b$c", "_short", "X", "{SSHA}abc"]
        {
            assert_eq!(kind(text), Hash::Other, "{text}");
        }
    }
}
