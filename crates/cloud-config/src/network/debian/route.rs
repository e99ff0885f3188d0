//! Routes that are commands: `post-up route add -net NETWORK netmask MASK gw GATEWAY`.

use super::super::address;
use super::super::interface::Route;

/// The result of reading a command.
#[derive(Debug, PartialEq, Eq)]
pub enum Command {
    /// A route.
    Route(Route),
    /// A route command with an invalid address.
    Bad,
    /// Another command.
    Other,
}

/// Parses the command after `post-up`. Its words may be in any order, with other words between them.
pub fn command(text: &str) -> Command {
    let text = text.split(['|', '&', ';']).next().unwrap_or_default();
    let mut words = text.split_whitespace();
    if (words.next(), words.next()) != (Some("route"), Some("add")) {
        return Command::Other;
    }
    let (mut network, mut mask, mut gateway) = (None, None, None);
    while let Some(word) = words.next() {
        match word {
            "-net" => network = words.next(),
            "netmask" => mask = words.next(),
            "gw" => gateway = words.next(),
            _ => {}
        }
    }
    let (Some(network), Some(gateway)) = (network, gateway) else { return Command::Other };
    let network = address::network(network, mask);
    let route = network.zip(address::host(gateway)).and_then(|(network, gateway)| address::route(network, gateway));
    route.map_or(Command::Bad, Command::Route)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn display_name(text: &str) -> String {
        match command(text) {
            Command::Route(route) => format!("{} {}", route.destination, route.gateway),
            other => format!("{other:?}"),
        }
    }

    #[test]
    fn words_stand_in_any_order() {
        for (text, wanted) in [
            ("route add -net 10.0.0.0 netmask 255.0.0.0 gw 10.1.0.1 || true", "10.0.0.0/8 10.1.0.1"),
            ("route add -net 10.0.0.0/8 gw 10.1.0.1 metric 3", "10.0.0.0/8 10.1.0.1"),
            ("route  add gw 10.1.0.1 netmask 255.0.0.0 dev eth0 -net 10.0.0.0;true", "10.0.0.0/8 10.1.0.1"),
            ("route add -net 2001:db8::/32 gw fe80::1", "2001:db8::/32 fe80::1"),
            ("route add -net 10.0.0.0 netmask 255.0.0.0 dev eth0", "Other"),
            ("route add default gw 10.1.0.1", "Other"),
            ("route add -host 10.0.0.1 gw 10.1.0.1", "Other"),
            ("route del -net 10.0.0.0/8 gw 10.1.0.1", "Other"),
            ("ip route add 10.0.0.0/8 via 10.1.0.1", "Other"),
            ("route", "Other"),
            ("", "Other"),
            ("route add -net 10.0.0.0 gw 10.1.0.1", "Bad"),
            ("route add -net 10.0.0.0/33 gw 10.1.0.1", "Bad"),
            ("route add -net 10.0.0.0/8 gw fe80::1", "Bad"),
            ("route add -net 10.0.0.0/8 gw router", "Bad"),
        ] {
            assert_eq!(display_name(text), wanted, "{text}");
        }
    }
}
