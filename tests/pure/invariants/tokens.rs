//! Address tokens: their replacement, and the mapping back to the text.

use cloud_config::address_tokens::{Address, Addresses, Substituted, substitute};

use super::spans;

/// Addresses of which two kinds are known, and two are not.
pub fn some_addresses() -> Addresses {
    let mut addresses = Addresses::default();
    assert!(addresses.insert(Address::PublicV4, "203.0.113.9"));
    assert!(addresses.insert(Address::PrivateV6, "2001:db8::7"));
    addresses
}

/// A text and its tokens.
pub fn check(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    for addresses in [Addresses::default(), some_addresses()] {
        let result = substitute(&text, &addresses);
        assert_eq!(result.text, replaced(&text, &addresses));
        result.findings.iter().for_each(|finding| spans::finding(&text, finding));
        way_back(&text, &result);
    }
}

/// The same as the program, letter by letter.
fn replaced(text: &str, addresses: &Addresses) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(character) = rest.chars().next() {
        let (escape, body) = rest.strip_prefix('\\').map_or(("", rest), |body| ("\\", body));
        let token = Address::ALL
            .into_iter()
            .find(|kind| body.strip_prefix('$').is_some_and(|name| name.starts_with(kind.token())));
        if let Some(kind) = token {
            let name = &body[..=kind.token().len()];
            out.push_str(if escape.is_empty() { addresses.get(kind).unwrap_or_default() } else { name });
            rest = &body[name.len()..];
        } else {
            out.push(character);
            rest = &rest[character.len_utf8()..];
        }
    }
    out
}

/// Checks that every place maps back into the text, never backwards, and unreplaced text to itself.
fn way_back(text: &str, result: &Substituted<'_>) {
    let mut last = 0;
    for (here, character) in result.text.char_indices() {
        let there = result.origin(here);
        assert!(last <= there && there <= text.len(), "{here} leads back to {there}, after {last}");
        assert!(text.is_char_boundary(there));
        assert!(text[there..].starts_with([character, '$', '\\']), "{here} leads back to something else");
        last = there;
    }
    assert!(last <= result.origin(result.text.len()));
    assert_eq!(result.origin(result.text.len()), text.len());
}
