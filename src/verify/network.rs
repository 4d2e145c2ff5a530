//! What a verifier gets of the network: what its policy asks for, within the operator's ceiling.

use adjutant_domain::network::{Hosts, Network, NetworkReport};
use adjutant_domain::policy::VerifierNetwork;

/// The network of a run, and what there is to tell about it before it ran. Never the host's.
pub(super) fn granted(asked: &VerifierNetwork, ceiling: &Hosts) -> (Network, NetworkReport) {
    match asked {
        VerifierNetwork::Switch(false) => (Network::None, NetworkReport::default()),
        VerifierNetwork::Switch(true) => {
            let nothing_allowed = ceiling.0.is_empty();
            (Network::Hosts(ceiling.clone()), NetworkReport { nothing_allowed, ..NetworkReport::default() })
        }
        VerifierNetwork::Hosts(hosts) => {
            let (allowed, left_out) = hosts.within(ceiling);
            (Network::Hosts(allowed), NetworkReport { left_out, ..NetworkReport::default() })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hosts(patterns: &[&str]) -> Hosts {
        patterns.iter().map(|pattern| pattern.parse().unwrap()).collect()
    }

    #[test]
    fn a_policy_opens_nothing_that_the_operator_does_not_allow() {
        let none = Hosts::default();
        let (network, report) = granted(&VerifierNetwork::Switch(true), &none);
        assert_eq!((network, report.nothing_allowed), (Network::Hosts(none.clone()), true));
        let (network, report) = granted(&VerifierNetwork::Hosts(hosts(&["pypi.org"])), &none);
        assert_eq!((network, report.left_out.len()), (Network::Hosts(none.clone()), 1));
        let (network, report) = granted(&VerifierNetwork::Switch(false), &hosts(&["*"]));
        assert_eq!((network, report), (Network::None, NetworkReport::default()));
    }

    #[test]
    fn within_the_ceiling_a_policy_gets_what_it_names() {
        let ceiling = hosts(&["pypi.org", "*.example.org"]);
        let (network, report) = granted(&VerifierNetwork::Hosts(hosts(&["a.example.org"])), &ceiling);
        assert_eq!((network, report), (Network::Hosts(hosts(&["a.example.org"])), NetworkReport::default()));
        let (network, report) = granted(&VerifierNetwork::Switch(true), &ceiling);
        assert_eq!((network, report), (Network::Hosts(ceiling), NetworkReport::default()));
    }
}
