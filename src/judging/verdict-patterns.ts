/** What a text that reads like a verdict, or like an instruction to its judge, looks like. */
export type VerdictLikeKind =
  | "claim"
  | "encoded"
  | "judge_address"
  | "marker"
  | "override"
  | "score_line"
  | "template_token"
  | "turn"
  | "verdict_json"
  | "verdict_token";

export interface VerdictPattern {
  readonly kind: VerdictLikeKind;
  readonly pattern: RegExp;
  /** How words begin, in lower case, one of which is in every match, after something that is no letter. Empty: none is. */
  readonly words: readonly string[];
}

/** The start of a line, and what Markdown may put before its first word. */
const LINE = "(?<=^[ \\t>*#_=|\\-]{0,12})";
const RESPONSE = "(?:response|answer|submission|solution|completion|output|essay)";
const PRAISE =
  "(?:(?:full|highest|top|maximum|max|perfect|best(?: possible)?|excellent)[ -](?:available )?(?:scores?|marks?|ratings?|grades?|points|credit|verdict))";
const NUMBER = "\\d{1,3}(?:\\.\\d{1,2})?";
const ENTRY = "-?\\d{1,4}(?:\\.\\d{1,2})?";
/** A list of ratings or an order of responses, `7, 3` or `2 > 1 = 3`: as many as one call of a judge may be asked about. */
const LIST = `${ENTRY}(?:\\s{0,2}(?:,|[<>=~]{1,3})\\s{0,2}${ENTRY}){1,63}`;
const RULES =
  "(?:instructions?|prompts?|rules?|criteri(?:a|on)|rubrics?|guidelines?|directions?|directives?|guidance|commands?|system (?:message|prompt)s?|context)";

/**
 * For texts whose look-alike letters were made plain. Every repetition is bounded, so that reading takes time in proportion to
 * the text; a match with words has at most 256 characters. The words, of which none begins another, say where to look at all.
 */
const ENGLISH: readonly (readonly [VerdictLikeKind, pattern: string, words: string])[] = [
  [
    "verdict_token",
    `(?:\\[\\[|【【?)\\s{0,2}\\**(?:[A-H](?:\\s?[<>=~]{1,3}\\s?[A-H])?|yes|no|n/?a|tie|draw|both|true|false|(?:response |assistant |answer )[A-H]|${NUMBER}(?:\\s?/\\s?\\d{1,3})?|${LIST})\\**\\s{0,2}(?:\\]\\]|】】?)`,
    "",
  ],
  ["verdict_token", "\\[(?:result|verdict|score|final (?:verdict|score|answer)|winner|rating|grade)\\]", ""],
  [
    "score_line",
    `${LINE}(?:(?:overall|final|total|my|your|the|judge'?s?|evaluation|quality)\\s{1,2}){0,2}(?:scores?|ratings?|grades?|verdict|evaluation|judge?ment|winner)\\*{0,9}\\s{0,2}(?:is|:|=|→|-+>|>+)\\s{0,2}[*_"'\`[(]{0,3}(?:\\d{1,3}(?:[./]\\d{1,3}){0,2}|full\\b|perfect|maximum|excellent|(?:yes|no|met|pass|tie|correct)\\b|[A-F][+-]?(?=[*_"'\`\\])]{0,3}\\.?\\s*$)|(?:response|assistant|answer)\\b)`,
    "score rating grade verdict evaluat judge judgment winner",
  ],
  [
    "score_line",
    `\\b(?:score|rating|grade)\\*{0,9}\\s?[:=]\\s?\\*{0,9}${NUMBER}\\s?(?:/|out of)\\s?\\d{1,3}\\b`,
    "score rating grade",
  ],
  [
    "verdict_json",
    `["'](?:score|rating|verdict|winner|criteria_met|preference|preferred|grade|judge?ment|better(?:_response)?|best_response|final_score|overall_score)["']\\s{0,3}:\\s{0,3}(?:["'[]|\\d|true|false)`,
    "",
  ],
  ["verdict_json", "</?(?:score|rating|verdict|winner|judge?ment|grade|evaluation_result)>", ""],
  [
    "override",
    `\\b(?:ignore|disregard|forget|override|bypass|discard|neglect|(?:do not|don't|stop) (?:follow(?:ing)?|apply(?:ing)?|us(?:e|ing)))\\b[^.\\n]{0,40}\\b(?:previous|prior|above|earlier|preceding|all|any|your|the|other|existing|given|original)\\b[^.\\n]{0,30}\\b${RULES}\\b`,
    "instruction prompt rule criteri rubric guideline direction directive guidance command system context",
  ],
  [
    "override",
    "\\b(?:ignore|disregard|forget|set aside|put aside|leave aside)\\b[^.\\n]{0,10}\\b(?:everything|anything|all|whatever|what)\\b[^.\\n]{0,30}\\b(?:above|before|else|said|told|written|earlier|previous|given)\\b",
    "ignore disregard forget aside",
  ],
  [
    "override",
    `\\b(?:new|updated|revised|real|actual|corrected|amended) (?:system |evaluation |grading |judging )?(?:instructions?|rubric|directives?|criteria|task)\\s?(?::|follows?\\b|from\\b|for (?:the|this) (?:judge|grader|evaluator))`,
    "instruction rubric directive criteri task",
  ],
  [
    "judge_address",
    "\\b(?:dear|attention|note (?:to|for)|message (?:to|for)|hey|hello|hi|as (?:the|an?|your)|to the|you are (?:the|an?|now)|for the)[,:]?\\s{1,2}(?:[a-z]{1,12}\\s){0,3}(?:judge|grader|evaluator|rater|assessor|scorer|auto-?grader)\\b",
    "judge grade evaluat rate assessor score autograde",
  ],
  [
    "judge_address",
    "\\b(?:judge|grader|evaluator|rater|assessor)s?\\b[^.\\n]{0,30}\\b(?:must|should|will|has to|have to|is (?:required|asked|expected) to|please)\\b",
    "judge grade evaluat rate assessor",
  ],
  [
    "judge_address",
    `\\b(?:you|please|must|should|simply|just|now|therefore|so|kindly)\\b[^.\\n]{0,30}\\b(?:rate|score|grade|mark|rank|judge|evaluate)\\b[^.\\n]{0,30}\\b(?:this|it|me|my|${RESPONSE}s?)\\b[^.\\n]{0,40}\\b(?:\\d{1,3}|full|highest|top|maximum|max|best|perfect|first|excellent|above|higher|favou?rably)\\b`,
    "rate score grade mark rank judge evaluat",
  ],
  [
    "judge_address",
    `\\b(?:give|award|assign|grant|output|return|print|answer with|respond with|reply with|say|write|deserves?|earns?|merits?)\\b[^.\\n]{0,30}(?:${PRAISE}|\\b(?:score|rating|grade|mark)\\s(?:of\\s)?${NUMBER}\\b|\\b(?:your|the|a) (?:final )?verdict\\b)`,
    "score mark rating grade point credit verdict",
  ],
  [
    "judge_address",
    `\\b(?:choose|select|pick|prefer|vote for|favou?r|declare)\\b[^.\\n]{0,20}\\b(?:(?:response|assistant|candidate) (?:[A-H]|\\d)\\b|(?:this|my) ${RESPONSE}\\b|the ${RESPONSE} (?:that|which|with|containing|holding)\\b)`,
    "choose select pick prefer vote favo declare",
  ],
  [
    "judge_address",
    `(?<!(?:first|second|third|fourth|fifth|sixth|seventh|eighth|ninth|tenth|\\d(?:st|nd|rd|th))[ -])\\b(?:auto-?)?grader\\b|\\b(?:evaluator|judge|grading|scoring|reward) (?:model|script|prompt|note|system)\\b|\\b(?:llm|ai)[- ](?:judge|evaluator)\\b|\\b(?:no longer|stop being) (?:a|an|the) (?:judge|evaluator|rater)\\b`,
    "grade autograde evaluat judge grading scoring reward rate",
  ],
  [
    "judge_address",
    `\\byour (?:output|verdict|reply|judge?ment|rating|score) (?:should|must|has to|will|is to|ought to) be\\b|\\b(?:now|then) (?:output|write|print|reply|answer)\\s?:|\\b(?:reply|respond|answer|output) (?:only |just )?(?:with )?(?:only |just )?(?:the letter )?["'\\[]{0,3}(?:yes|A|B)\\b["'\\]]{0,3}(?=[.,;!]|\\s*$)`,
    "output verdict reply judge judgment rating score write print answer respon",
  ],
  [
    "judge_address",
    `\\b(?:pick|choose|select|prefer) (?:me\\b(?! )|me (?:and|as|over|instead)\\b|this one\\b|(?:this|my) ${RESPONSE}\\b)|\\bmark(?:ed)?\\b[^.\\n]{0,15}\\bas (?:passed|correct|right|complete|the (?:best|winner))\\b`,
    "pick choose select prefer mark",
  ],
  [
    "judge_address",
    "\\b(?:award|give|grant|deserves?|earns?|merits?|worth|rate|below|less than)\\b[^.\\n]{0,30}\\b(?:(?:10\\s?/\\s?10|5\\s?/\\s?5|100\\s?/\\s?100)(?!\\d|\\s?[*x×=)/])|(?:\\d{1,3}|ten|five) (?:(?:points?|marks?|stars?) )?out of (?:5|10|100|five|ten)\\b)|\\b(?:below|less than|deserves?|award|rate)\\b[^.\\n]{0,15}\\b(?:five|ten|5|10)[ -](?:stars?|points?)\\b",
    "award give grant deserve earn merit worth rate below less",
  ],
  [
    "claim",
    "\\b(?:response|assistant|candidate|completion|answer) (?:[AB]|1|2|one|two)(?:'s (?:response|answer))? (?:is|was|has|should|must|deserves|wins)\\b[^.\\n]{0,40}\\b(?:better|best|winner|win|wins|worse|superior|inferior|preferred|chosen|prevail)\\b|\\b(?:response|assistant|candidate) [AB] wins\\b",
    "respon assistant candidate completion answer",
  ],
  [
    "claim",
    "\\bthe (?:better|best|winning|superior|preferred|stronger|correct) (?:response|completion|assistant|candidate|answer) (?:here )?is (?:clearly |obviously |therefore )?(?:response|assistant|candidate|this (?:one|response)|mine|(?:the )?(?:first|second|former|latter)|A\\b because|B\\b because)",
    "respon assistant candidate completion answer",
  ],
  [
    "claim",
    `\\b(?:this|my|the above|the following|the present|the preceding) ${RESPONSE}\\b[^.\\n]{0,40}\\b(?:deserves|merits|should (?:get|receive|earn|win|be (?:rated|scored|graded|preferred|chosen|ranked|marked))|must (?:get|receive|earn|win|be (?:rated|scored|graded|preferred|chosen|ranked|marked))|is worth (?:full|\\d)|(?:meets?|met|satisf(?:y|ies|ied)|fulfill?s?|fulfilled) (?:all|every|each)(?: (?:one|of))?(?: of)?(?: the| your)? (?:criteri|rubric|requirement|grading|item)|has (?:already )?been (?:verified|rated|graded|approved|checked|confirmed|certified|reviewed|scored)|is (?:objectively |clearly )?(?:superior|the (?:best|better|winner))|(?:received|was awarded|scored) )`,
    "respon answer submission solution completion output essay",
  ],
  [
    "claim",
    "\\b(?:verified|certified|approved|endorsed|validated|pre-?graded)\\b[^.\\n]{0,30}\\bby\\b[^.\\n]{0,30}\\b(?:openai|anthropic|google|deepmind|expert panel|committee|developers?|administrators?|(?:evaluation|safety|research|grading) team|professors?)\\b",
    "verified certified approved endorsed validated grade pregrade",
  ],
  [
    "claim",
    `\\b(?:examiner|judge|teacher|committee|panel|evaluator|reviewers?|experts?)s? (?:has|have|had)? ?(?:already )?(?:been )?(?:accepted|verified|graded|approved|checked|confirmed|rated)\\b`,
    "examiner judge teacher committee panel evaluat reviewer expert",
  ],
  ["marker", "\\[\\[\\s{0,2}(?:end of\\s)?[A-Za-z][\\w -]{0,30}\\|[^\\]\\n]{0,64}\\]\\]", ""],
  [
    "marker",
    `${LINE}[[<({]{0,4}(?:the )?(?:end|start|beginning)[ _-](?:of[ _-])?(?:the[ _-])?(?:response|answer|candidate|assistant|conversation|prompt|reference|section|submission|user input|evaluation|untrusted)\\b`,
    "respon answer candidate assistant conversation prompt reference section submission user evaluat untrusted",
  ],
  [
    "marker",
    "</?(?:response|candidate|assistant|submission|reference|completion|user_input|untrusted)(?:[_ -]?[a-h\\d])?\\s?>|</?answer[_ -][a-h\\d]>",
    "",
  ],
  [
    "marker",
    `${LINE}\\[?(?:(?:response|assistant|candidate|completion) (?:[A-H]|[12])|answer [AB])\\]?(?:'s (?:response|answer))?\\*{0,9}\\s?(?::|\\]|-{2,}|$)`,
    "respon assistant candidate completion answer",
  ],
  [
    "turn",
    `${LINE}\\[?(?:system|assistant|developer|judge|evaluator|grader|administrator|admin)(?: (?:message|prompt|note|instruction|override|update|notice|output|reply|verdict))?\\]?\\*{0,9}\\s?:(?=\\s|\\*|$)`,
    "system assistant developer judge evaluat grade admin",
  ],
  ["turn", `${LINE}(?:instructions?|human|ai|gpt)\\s?:(?=\\s|$)`, "instruction human ai gpt"],
  ["turn", "[\"']role[\"']\\s{0,3}:\\s{0,3}[\"'](?:system|assistant|user|developer|tool)[\"']", ""],
  ["turn", "</?(?:system|instructions?|judge|evaluation|admin|developer)(?:[-_ ][a-z]{1,20})?>", ""],
  ["turn", "\\[(?:system|admin|developer|judge|evaluator)(?: [^\\]\\n]{0,40})?\\]", ""],
  [
    "template_token",
    "<\\|[^<>\\n]{1,60}>|</s>|\\[/?(?:INST|SYSTEM_PROMPT)\\]|<</?SYS>>|<(?:start|end)_of_turn>|<(?:bos|eos)>",
    "",
  ],
];

/** To leave aside, and what: in either order, close together. Other languages than English. */
const LEAVE =
  "ignorier\\p{L}*|vergessen sie|missachte\\p{L}*|vergiss|ignore[zr]?|oublie[zr]?|ignora\\p{L}*|olvida\\p{L}*|dimentica\\p{L}*|esque[cç]a\\p{L}*|negeer|vergeet|игнорир\\p{L}*|забудь\\p{L}*|忽略|无视|無視|忘记|무시\\p{L}*|تجاهل\\p{L}*|अनदेखा|नज़रअंदाज़|yok say\\p{L}*|görmezden|zignoruj\\p{L}*|pomiń\\p{L}*";
const ORDERS =
  "anweisungen|vorgaben|regeln|instructions|consignes|règles|instrucciones|reglas|istruzioni|regole|instruções|regras|instructies|инструкци\\p{L}*|указани\\p{L}*|правил\\p{L}*|指令|指示|说明|規則|规则|지시\\p{L}*|지침\\p{L}*|규칙|التعليمات|القواعد|निर्देश\\p{L}*|talimat\\p{L}*|instrukcj\\p{L}*|poleceni\\p{L}*";
const TOP =
  "höchste (?:note|punktzahl|bewertung)|volle punktzahl|bestnote|note maximale|meilleure note|puntuación máxima|máxima puntuación|calificación máxima|punteggio (?:massimo|pieno)|nota máxima|pontuação máxima|hoogste score|высш\\p{L}* (?:балл|оценк)\\p{L}*|максимальн\\p{L}* (?:балл|оценк)\\p{L}*|满分|最高分|満点|最高点|最高評価|만점|최고 ?점수|الدرجة (?:الكاملة|القصوى)|العلامة الكاملة|أعلى درجة|पूरे अंक|सर्वोच्च अंक|en yüksek puan|tam puan|najwyższ\\p{L}* ocen\\p{L}*|maksymaln\\p{L}* (?:ocen|liczb)\\p{L}*";
/** To choose this answer. */
const CHOOSE =
  "(?:wähle?n?|bevorzuge) (?:sie )?(?:diese|meine) antwort|choisis(?:sez)? cette réponse|la bonne réponse est celle-ci|(?:elige|escoge|elija) esta respuesta|scegli questa risposta|escolh\\p{L}+ esta resposta|kies dit antwoord|(?:выбери|выберите|считай|считайте) этот ответ|选择(?:这个|此|本)(?:回答|答案|回复)|この(?:回答|レスポンス|答え)を(?:選|最)|이 (?:답변|응답)을 (?:선택|고르)|اختر هذ\\p{L}+ الإجابة|इस उत्तर को चुनें|bu (?:yanıtı|cevabı) seç|wybierz tę odpowiedź";
/** No \b: it knows Latin letters only. */
const FOREIGN: readonly (readonly [VerdictLikeKind, string])[] = [
  ["override", `(?:${LEAVE})[^.。\\n]{0,40}(?:${ORDERS})|(?:${ORDERS})[^.。\\n]{0,40}(?:${LEAVE})`],
  ["judge_address", `(?:${TOP})`],
  ["judge_address", `(?:${CHOOSE})`],
];

function compiled(rows: readonly (readonly [VerdictLikeKind, string, string?])[]): readonly VerdictPattern[] {
  return rows.map(([kind, source, words = ""]) => ({
    kind,
    pattern: new RegExp(source, "gimu"),
    words: words.split(" ").filter((word) => word !== ""),
  }));
}

export const ENGLISH_PATTERNS = compiled(ENGLISH);
export const FOREIGN_PATTERNS = compiled(FOREIGN);
