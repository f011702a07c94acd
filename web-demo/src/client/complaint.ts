// Words by which a viewer says that the picture is not well, in the languages of the widget and a few of their spellings.
// They decide how much is measured for the next minute, and nothing else.

/** English: stutters, freezes, buffers, breaks up, goes black. */
const EN =
  /\b(?:stutter|stall|freez|froze|buffer|lag|chopp?y|jerk|judder|hang|hung|stuck|skip|slow|load|stripe|block|pixel|artifact|artefact|glitch|flicker|tear|torn|green|black|blur|blank|no (?:picture|video|image)|delay|drop)/i;
/** Chinese: 卡 (with 卡顿 and 卡住), 花屏, 黑屏, 绿屏, 马赛克, 条纹, 缓冲, 延迟, 模糊, 掉帧 … */
const ZH =
  /卡|顿|頓|花屏|黑屏|绿屏|綠屏|白屏|马赛克|馬賽克|条纹|條紋|横纹|缓冲|緩衝|延迟|延遲|模糊|掉帧|掉幀|加载|載入|转圈|轉圈|闪|撕裂|不动|不動/;

/** Whether a message complains about the picture. */
export function complains(text: string): boolean {
  return EN.test(text) || ZH.test(text);
}
