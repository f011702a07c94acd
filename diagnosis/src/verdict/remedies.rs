//! What to do about a cause: the viewer, the agent, when to escalate, how one sees that it helped, and replies to suggest.

use serde::{Deserialize, Serialize};

use super::Cause;
use super::text::Text;

/// A row of the table that help pages and the console show.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Remedy {
    /// For which cause.
    pub cause: Cause,
    /// What the viewer does.
    pub viewer: Text,
    /// What the agent does.
    pub agent: Text,
    /// When to escalate, and to whom.
    pub escalate: Text,
    /// How one sees that it helped.
    pub helped: Text,
    /// Replies to suggest to the agent, the first to send first.
    pub replies: Vec<Text>,
}

/// The whole table, a row for each cause.
#[must_use]
pub fn table() -> Vec<Remedy> {
    Cause::ALL.iter().map(|cause| remedy(*cause)).collect()
}

/// The row of a cause.
#[must_use]
pub fn remedy(cause: Cause) -> Remedy {
    let [viewer, agent, escalate, helped, first, second] = rows(cause).map(|(zh, en)| Text::of(zh, en));
    Remedy { cause, viewer, agent, escalate, helped, replies: vec![first, second] }
}

type Row = [(&'static str, &'static str); 6];

// tidy: long because it is a table, six cells a cause.
fn rows(cause: Cause) -> Row {
    match cause {
        Cause::ViewerNetwork => [
            (
                "靠近路由器、改用网线或 5 GHz；停掉其他下载；先选低一档清晰度",
                "Move closer to the router, use a cable or 5 GHz; stop other downloads; choose a lower quality for now",
            ),
            (
                "请观众换网络后再测一次线路，比较丢包和往返时间",
                "Ask for another network, check the line again and compare loss and round trip",
            ),
            (
                "同一运营商或地区多人受影响时，转交网络值班",
                "When several viewers of one provider or region are affected: to the network duty",
            ),
            (
                "丢包低于 1 %，往返时间回到平时，两分钟没有卡顿",
                "Loss below 1 %, the round trip at its usual, no stall for two minutes",
            ),
            (
                "从数据看，卡顿来自您的网络。可以先换成 5 GHz 或网线试试吗？",
                "The stutter comes from your connection. Could you try 5 GHz or a cable?",
            ),
            (
                "如果暂时不能换网络，请先把清晰度调低一档。",
                "If you cannot change the network now, please choose a lower quality.",
            ),
        ],
        Cause::ViewerDevice => [
            (
                "关掉其他标签页和程序；接上电源；更新浏览器；切换硬件加速后重启浏览器",
                "Close other tabs and programs; plug in the charger; update the browser; toggle hardware acceleration and restart it",
            ),
            (
                "看解码方式和丢帧，建议较低的分辨率或另一个浏览器",
                "Look at the decoder and the dropped frames; suggest a lower resolution or another browser",
            ),
            (
                "同一种设备、解码器或应用版本多人受影响时，转交客户端团队",
                "When several viewers share the device, decoder or app version: to the client team",
            ),
            (
                "丢帧低于 2 %，解码时间低于每帧时间的 60 %",
                "Dropped frames below 2 %, decoding below 60 % of a frame's time",
            ),
            (
                "网络正常，是设备来不及播放。请关掉其他标签页和程序再看看。",
                "Your line is fine; the device does not keep up. Please close other tabs and programs.",
            ),
            (
                "还不行的话，请在浏览器设置里切换“硬件加速”并重启浏览器。",
                "If that does not help, please toggle hardware acceleration in the browser's settings and restart it.",
            ),
        ],
        Cause::PlatformDelivery => [
            ("不用做什么；可以刷新一次页面，或换一条线路", "Nothing; a reload or another line of the stream may help"),
            ("告诉观众是我们的问题；附上节点、状态码和时间", "Say that it is ours; note host, status and time"),
            (
                "立即转交 CDN 值班，附上节点和受影响人数",
                "At once to the CDN duty, with the host and how many are affected",
            ),
            (
                "片段下载时间低于其时长的一半，没有错误，其他观众恢复",
                "Segments load in less than half of their length, no errors, the others are well again",
            ),
            (
                "问题在我们的分发线路，不在您这边，我们已经在处理。",
                "The trouble is in our delivery, not on your side. We are on it.",
            ),
            (
                "请稍等一分钟后刷新页面，通常会换到正常的节点。",
                "Please reload in a minute; you will usually get another host.",
            ),
        ],
        Cause::PlatformSource => [
            ("不用做什么；问题修好后画面会自己恢复", "Nothing; the picture will come back by itself"),
            (
                "告诉观众是直播源的问题；看其他观众是否相同",
                "Say that it is the stream; see whether others have the same",
            ),
            (
                "立即转交直播制作或推流值班，附上截图和时间",
                "At once to the production or ingest duty, with a snapshot and the time",
            ),
            (
                "我们直接拉流的画面正常，其他观众的报告停止",
                "Our own fetch shows a sound picture, and others stop reporting",
            ),
            (
                "直播源本身出了问题，所有观众都一样，我们已经通知制作团队。",
                "The stream itself has a fault for everyone. The production team knows.",
            ),
            ("画面恢复后我会在这里告诉您。", "I will tell you here as soon as the picture is back."),
        ],
        Cause::MediaServer => [
            ("不用做什么；直播播放不受影响", "Nothing; the live stream is not affected"),
            ("结束通话后重新邀请，会换到另一个工作进程", "End the call and invite again; it will use another worker"),
            ("转交服务器值班，附上节点名和时间", "To the server duty, with the node's name and the time"),
            ("重新通话后服务器之后的丢包低于 1 %", "In the new call, loss after the server is below 1 %"),
            (
                "通话画面不清楚是我们服务器的问题，我重新邀请您一次。",
                "The call's picture suffers from our server; I will invite you again.",
            ),
            ("不方便的话，发一张截图也可以。", "If you prefer, a screenshot will do."),
        ],
        Cause::AgentNetwork => [
            ("不用做什么", "Nothing"),
            ("检查自己的网络：网线、VPN、其他下载", "Check your own line: cable, VPN, other downloads"),
            (
                "换网络后仍然丢包时，请同事接手通话",
                "When loss stays after a change of network: hand the call to a colleague",
            ),
            ("自己一侧的丢包低于 1 %，往返时间平稳", "Loss on your side below 1 %, an even round trip"),
            (
                "我这边网络不稳，画面断续不是您的问题，请稍等。",
                "My own connection is unsteady; it is not your side. One moment, please.",
            ),
            ("我请一位同事来继续看您的画面。", "I will ask a colleague to continue."),
        ],
        Cause::AgentDevice => [
            ("不用做什么", "Nothing"),
            (
                "关掉其他标签页和程序，缩小画面，必要时重启浏览器",
                "Close other tabs and programs, make the picture smaller, restart the browser if need be",
            ),
            (
                "设备仍然跟不上时，请同事接手通话",
                "When the device still does not keep up: hand the call to a colleague",
            ),
            (
                "自己一侧丢帧低于 2 %，解码时间低于 60 %",
                "Dropped frames on your side below 2 %, decoding below 60 % of the time",
            ),
            (
                "我这边电脑有点慢，画面断续不是您的问题，请稍等。",
                "My computer is slow; it is not your side. One moment, please.",
            ),
            ("我请一位同事来继续看您的画面。", "I will ask a colleague to continue."),
        ],
        Cause::NoneObserved => [
            ("问题再出现时告诉我们", "Tell us when it comes back"),
            (
                "问是什么时候、哪个画面；请观众在出现时再打开聊天",
                "Ask when and in which picture; ask to open the chat when it happens",
            ),
            (
                "观众看得到而我们测不到时，请求看一眼画面",
                "When the viewer sees what we do not measure: ask for a look at the picture",
            ),
            ("观众确认没有问题", "The viewer confirms"),
            ("现在各项数据都正常。卡顿现在还在吗？", "All measurements look fine now. Does it still stutter?"),
            (
                "再出现时请直接在这里说一声，我们会看到前一分钟的数据。",
                "When it comes back, write here: we will see the minute before.",
            ),
        ],
        Cause::Undetermined => [
            ("让播放继续，做一次线路检测", "Keep the stream playing and let the line check run"),
            (
                "请求线路检测；还不能判断时请求看一眼画面",
                "Ask for a line check; if that does not decide, for a look at the picture",
            ),
            ("两次检测仍无法判断时转给二线", "When two checks do not decide: to the second tier"),
            ("判断变为某一个原因，或者卡顿消失", "The verdict becomes a cause, or the stutter is gone"),
            (
                "我还需要一点数据。请让直播继续播放，并允许做一次几秒钟的线路检测。",
                "I need a little more data. Please keep the stream playing and allow a line check of a few seconds.",
            ),
            ("方便的话，我可以看一眼您的画面吗？", "May I have a look at your picture?"),
        ],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_cause_has_a_full_row_in_both_languages() {
        for row in table() {
            let texts = [&row.viewer, &row.agent, &row.escalate, &row.helped].into_iter().chain(&row.replies);
            for text in texts {
                assert!(!text.zh.is_empty() && !text.en.is_empty() && text.zh != text.en, "{:?}", row.cause);
            }
        }
    }
}
