//! Rows as the two sides see them.

use signaling::wire::{CallSide, CallState, ContentHint, ConversationStatus, ConversationSummary, ViewerConversation};

use crate::storage::{CallRow, ConversationRow};

/// A conversation as a row of the console.
pub(super) fn summary(row: &ConversationRow, viewer_online: bool, call: Option<CallState>) -> ConversationSummary {
    ConversationSummary {
        id: row.id.clone(),
        ticket: row.ticket,
        status: row.status,
        agent: row.agent.clone(),
        agent_name: row.agent_name.clone(),
        viewer_name: row.viewer_name.clone(),
        lang: row.lang.clone(),
        page: row.page.clone(),
        viewer_online,
        opened_at_ms: row.opened_at_ms,
        waiting_since_ms: row.waiting_since_ms,
        last_seq: row.last_seq,
        last_text: row.last_text.clone(),
        agent_read_seq: row.agent_read_seq,
        viewer_read_seq: row.viewer_read_seq,
        unread: row.unread,
        call,
        sample: row.sample,
        call_requested_at_ms: row.call_requested_at_ms,
        verdict: row.verdict.clone(),
    }
}

/// What the desk knows beside the row, for its viewer.
pub(super) struct Around {
    /// Whether the conversation's agent is on line.
    pub(super) agent_online: bool,
    /// Different agents on line.
    pub(super) agents_online: u32,
    /// Place in line from 1.
    pub(super) place: Option<u32>,
    /// Expected wait, ms.
    pub(super) wait_ms_estimate: Option<i64>,
    /// The running call.
    pub(super) call: Option<CallState>,
}

/// A conversation as its viewer sees it.
pub(super) fn viewer_view(row: &ConversationRow, around: Around) -> ViewerConversation {
    let waiting = row.status == ConversationStatus::Waiting;
    ViewerConversation {
        id: row.id.clone(),
        ticket: row.ticket,
        status: row.status,
        agent_name: row.agent_name.clone(),
        agent_online: around.agent_online,
        place: around.place.filter(|_| waiting),
        wait_ms_estimate: around.wait_ms_estimate.filter(|_| waiting),
        agents_online: around.agents_online,
        agent_read_seq: row.agent_read_seq,
        last_seq: row.last_seq,
        call: around.call,
        rated: row.rating.is_some(),
        call_requested_at_ms: row.call_requested_at_ms,
    }
}

/// A stored call as it goes to both ends.
#[must_use]
pub fn call_state(row: &CallRow) -> CallState {
    CallState {
        id: row.id.clone(),
        conversation: row.conversation.clone(),
        stage: row.stage,
        agent: row.agent.clone(),
        agent_name: row.agent_name.clone(),
        expires_at_ms: row.invited_at_ms + signaling::call::INVITATION_MS,
        surface: row.surface,
        accepted_at_ms: row.accepted_at_ms,
        reason: row.reason,
        viewer: CallSide::default(),
        agent_side: CallSide::default(),
        content: ContentHint::default(),
        guests: Vec::new(),
    }
}
