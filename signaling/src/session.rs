//! Who may say what, and when: the rules of one WebSocket, without the socket.

use crate::wire::{ClientMessage, ErrorCode, PROTOCOL_VERSION, Refusal};

/// What a socket is allowed to do now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// Nothing was said yet; only a hello is heard.
    AwaitingHello,
    /// A viewer.
    Viewer,
    /// An agent.
    Agent,
}

impl Standing {
    /// Checks that `message` is in order for this standing.
    ///
    /// # Errors
    /// [`ErrorCode::OutOfOrder`] before the hello or for a second one, [`ErrorCode::Version`] for another protocol
    /// version, [`ErrorCode::Forbidden`] for the other role's messages, [`ErrorCode::Invalid`] when an agent names no
    /// conversation.
    pub fn admit(self, message: &ClientMessage) -> Result<(), Refusal> {
        use ClientMessage as M;
        match (self, message) {
            (Self::AwaitingHello, M::HelloViewer(hello)) => check_version(hello.v),
            (Self::AwaitingHello, M::HelloAgent(hello)) => check_version(hello.v),
            (Self::AwaitingHello, _) => Err(Refusal::new(ErrorCode::OutOfOrder, "say hello first")),
            (_, M::HelloViewer(_) | M::HelloAgent(_)) => {
                Err(Refusal::new(ErrorCode::OutOfOrder, "hello was said already"))
            }
            (_, M::Ping { .. } | M::EndCall { .. } | M::MediaClose {} | M::Phase { .. } | M::Sending { .. }) => Ok(()),
            (Self::Viewer, M::MediaOffer { call: None, .. }) => {
                Err(Refusal::new(ErrorCode::Invalid, "a viewer's media_offer names its call"))
            }
            (_, M::MediaOffer { .. }) => Ok(()),
            (
                Self::Viewer,
                M::Send { .. }
                | M::Typing { .. }
                | M::Read { .. }
                | M::Accept { .. }
                | M::Decline { .. }
                | M::Block(_)
                | M::RequestCall {}
                | M::EndRequest { .. }
                | M::PreflightOffer { .. }
                | M::PreflightClose {}
                | M::Rate { .. },
            ) => Ok(()),
            (
                Self::Agent,
                M::Send { conversation: None, .. }
                | M::Typing { conversation: None, .. }
                | M::EndRequest { conversation: None }
                | M::Read { conversation: None, .. },
            ) => Err(Refusal::new(ErrorCode::Invalid, "an agent names the conversation")),
            (Self::Agent, M::Block(block)) if block.call.is_none() || block.conversation.is_none() => {
                Err(Refusal::new(ErrorCode::Invalid, "an agent's block names conversation and call"))
            }
            (
                Self::Agent,
                M::Send { .. }
                | M::Typing { .. }
                | M::Read { .. }
                | M::Block(_)
                | M::Subscribe { .. }
                | M::Unsubscribe { .. }
                | M::Take { .. }
                | M::Release { .. }
                | M::Resolve { .. }
                | M::Note { .. }
                | M::EndRequest { .. }
                | M::SetContent { .. }
                | M::WatchCall { .. }
                | M::JoinCall { .. }
                | M::LeaveCall { .. }
                | M::Invite { .. },
            ) => Ok(()),
            (Self::Viewer, _) => Err(Refusal::new(ErrorCode::Forbidden, "only an agent may do this")),
            (Self::Agent, _) => Err(Refusal::new(ErrorCode::Forbidden, "only the viewer may do this")),
        }
    }
}

fn check_version(version: u16) -> Result<(), Refusal> {
    if version == PROTOCOL_VERSION {
        return Ok(());
    }
    Err(Refusal::new(
        ErrorCode::Version,
        format!("this server speaks protocol {PROTOCOL_VERSION}, the client {version}: reload the page"),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::parse_client;

    fn admit(standing: Standing, json: &str) -> Result<(), ErrorCode> {
        let frame = parse_client(json).expect("parses");
        standing.admit(&frame.message).map_err(|refusal| refusal.code)
    }

    #[test]
    fn only_a_hello_of_this_version_opens_a_session() {
        let hello = |v: u16| format!(r#"{{"t":"hello_agent","v":{v}}}"#);
        assert_eq!(admit(Standing::AwaitingHello, &hello(PROTOCOL_VERSION)), Ok(()));
        assert_eq!(admit(Standing::AwaitingHello, &hello(99)), Err(ErrorCode::Version));
        assert_eq!(admit(Standing::AwaitingHello, r#"{"t":"ping","client_ms":1}"#), Err(ErrorCode::OutOfOrder));
        assert_eq!(admit(Standing::Agent, &hello(PROTOCOL_VERSION)), Err(ErrorCode::OutOfOrder));
    }

    #[test]
    fn roles_keep_to_their_messages() {
        let take = r#"{"t":"take","conversation":"c_1"}"#;
        assert_eq!(admit(Standing::Viewer, take), Err(ErrorCode::Forbidden));
        assert_eq!(admit(Standing::Agent, take), Ok(()));
        let decline = r#"{"t":"decline","call":"k_1"}"#;
        assert_eq!(admit(Standing::Agent, decline), Err(ErrorCode::Forbidden));
        assert_eq!(admit(Standing::Viewer, decline), Ok(()));
        let send = r#"{"t":"send","client_id":"a","text":"hi"}"#;
        assert_eq!(admit(Standing::Agent, send), Err(ErrorCode::Invalid));
        assert_eq!(admit(Standing::Viewer, send), Ok(()));
    }
}
