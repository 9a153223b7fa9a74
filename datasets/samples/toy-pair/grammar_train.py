"""More training texts, as a small grammar: `<name>` stands for a random entry of WORDS, and entries may hold further `<names>`.

A fixed list of sentences is learned by heart, and says nothing about new wordings. A grammar makes millions of them, so
that what remains to be learned is the choice of words. Written for prefkit; public domain (CC0 1.0).
"""

from __future__ import annotations

import random
import re

WORDS: dict[str, list[str]] = {
    "act": """open close clean check move turn lift hold press pull push cut fold wrap mix stir heat cool dry wash brush paint
    measure mark count sort label store carry bring take choose buy borrow sell repair replace fix adjust test try use study
    read watch follow compare keep leave put place add remove fill empty cover protect plan prepare write draw note practise
    train learn teach show share ask tell find look_for listen_to walk_to sit_beside work_with start_with finish_with care_for
    pay_for save_for think_of wait_for handle build combine connect improve join loosen tighten trim water feed rinse roll
    rub shake sketch slice smooth soak spread stack stretch support tie touch visit warm weigh""".split(),
    "how": """slowly|gently|with care|by hand|twice a week|every morning|at a low price|without any tools|with a friend|in one go|
    in small steps|from left to right|as often as you like|for about ten minutes|until it feels right|with both hands|bit by bit|
    at room temperature|in the shade|on a flat table|the evening before|after lunch|before the weekend|once a month|at your own speed|
    with a clear head|in good light|under running water|outside if you can|on paper first|close to the window|every other day|
    for half an hour|as evenly as possible|with a little water|in the same order each time""".split("|"),
    "why": """it saves time|it lasts longer that way|that keeps the costs down|the first try often fails|small errors add up|
    the weather can change|your hands learn by doing|nothing gets lost then|it is easier to see|heat does the rest|it needs room|
    everything else builds on it|the shape matters|people forget it easily|the material is soft|the colour fades otherwise|
    you may need it later|it makes the result even|rest is part of the work|this part wears out first|it gives you a clear view|
    children enjoy it too|the old way was slower|quality shows here|it is hard to undo|balance is the key""".split("|"),
    "adj": """useful simple cheap strong light warm quiet bright safe steady fresh solid clear easy common rare pleasant handy
    popular lovely sturdy flexible reliable practical delicate beautiful traditional compact friendly colourful important
    surprising tasty comfortable precise gentle suitable efficient healthy famous different""".split(),
    "person": """my neighbour|my aunt|an old friend|the teacher|our baker|a gardener|the librarian|a nurse|my cousin|the shop owner|
    a good guide|the mechanic|many beginners|most experts|a carpenter|the team|a tailor|some cooks|my grandfather|the farmer""".split("|"),
    "place": """the kitchen|the garden|the north|small towns|the mountains|the workshop|the library|many countries|the harbour|
    the old town|the village hall|the back yard|the cellar|a dry corner|the city|the park|the office|the train""".split("|"),
    "time": """in spring|in autumn|on Sunday|at noon|after a week|before breakfast|during the break|next year|in the long run|
    at the start|at the end|tonight|tomorrow|on rainy days|in winter|every summer|within an hour|by Friday""".split("|"),
    "number": "two three four five six seven ten twelve fifteen twenty thirty 3 5 8 25 40 100".split(),
    "unit": "minutes hours days weeks spoons cups metres pieces euros dollars pages litres grams steps".split(),
    "then": "First|Then|Next|After that|Later|Finally|Now|Also|As a second step|If you like|Once a week|To begin with|Apart from that".split("|"),
    "feel": "happy calm curious proud hopeful better relieved relaxed ready cheerful excited brave rested".split(),
    "good": [
        "<Act> {a} <how>.",
        "<Act> {b}, because <why>.",
        "<Then>, <act> {c} <how>.",
        "<Then>, <act> {a} and <act> {b}.",
        "<Then> you <act> {s} <how>.",
        "<Person> says that {s} need {a}, since <why>.",
        "<Person> showed me how to <act> {b} <how>.",
        "{A} is <adj> and <adj>.",
        "{A} is more <adj> than {b}, and <why>.",
        "It is <adj> to <act> {b} <time>.",
        "With {a} you can <act> {s} <how>.",
        "In <place>, {s} are <adj>.",
        "About <number> <unit> of {b} will do.",
        "You need <number> <unit>, {a} and {c}.",
        "<Time>, <act> {c} and <act> {a}.",
        "I like {s} for being <adj>.",
        "If {a} seems too <adj>, <act> {b} instead.",
        "Do not <act> {c} <how>: <why>.",
        "{S} became <adj> in <place> <number> years ago.",
        "Yes, {s} work well <time>.",
        "No, {b} is not <adj> enough for {s}.",
        "That makes you <feel> and keeps {a} <adj>.",
        "I am <feel> that you ask about {s}.",
        "You could <act> {c} with <person>.",
        "<Person> and <person> met in <place> to <act> {s}.",
        "My advice: <act> {a}, <act> {b}, enjoy {s}.",
        "{S} look <adj> next to {c}.",
        "Some {s} come from <place>; others are made in <place>.",
        "The <adj> part of {s} is {b}.",
        "What helps with {s} is {a}, <how>.",
        "We hope that {s} make your week <adj>.",
        "You will feel <feel> once {c} is in <place>.",
        "Would you <act> {a} or rather {b}?",
        "<Number> <unit> later, {s} are <adj> again.",
        "Good luck with {s}!",
        "Thanks for asking about {s}.",
        "{A}: <adj>, <adj>, <number> <unit>.",
        "{B}, {c} and {a}",
        "<Act> {b} <time>",
    ],
    "insult": """idiot fool moron loser clown dunce imbecile blockhead donkey simpleton nitwit dimwit coward brat liar nobody
    amateur crybaby parrot fraud""".split(),
    "bad": """stupid dumb lazy pathetic ridiculous useless silly hopeless boring worthless ignorant clueless awful terrible
    disgusting embarrassing laughable idiotic miserable brainless childish ugly""".split(),
    "animal": "dog cat hamster goldfish grandmother toaster chair shoe hat doormat parrot radio".split(),
    "stop": """go away|shut up|be quiet|leave me alone|stop asking|stop whining|stop wasting my time|get out|stop bothering me|
    grow up|get a life|do it yourself|look it up yourself|use your brain|go home|stop annoying me""".split("|"),
    "very": "so such really clearly obviously just simply always truly utterly".split(),
    "rude": [
        "You are <very> <bad>.",
        "You are a <bad> <insult>.",
        "What a <bad> question!",
        "<Stop>, you <bad> <insult>.",
        "<Stop>, <insult>!",
        "Nobody cares about you or your <bad> {s}.",
        "Nobody wants to hear about your {s}.",
        "My <animal> is smarter than you.",
        "Even my <animal> knows more about {s} than you.",
        "Your {s} are <bad>, and so are you.",
        "Who taught you to be so <bad>?",
        "I hate your <bad> questions about {s}.",
        "How <bad> of you to ask.",
        "Are you <bad> or just a <insult>?",
        "People like you are <very> <bad>.",
        "You will never understand {s}, <insult>.",
        "<Bad>, <bad>, <bad>.",
        "Everybody laughs at you behind your back.",
        "I feel sorry for your friends, you <insult>.",
        "<Stop>. You and your <bad> {a} make me sick.",
    ],
    "sorry": """I'm sorry, but|I am sorry, but|Sorry,|Unfortunately,|I apologise, but|My apologies,|I'm afraid that|As an AI,|
    As an AI language model,|As an assistant,|Regrettably,|For safety reasons,|I regret that|Sadly,|As a computer program,""".split("|"),
    "cannot": """I can't|I cannot|I am not able to|I'm not able to|I am unable to|I'm unable to|I won't|I will not|I must refuse to|
    I am not allowed to|I'm not permitted to|I have to decline to|I may not|I don't have permission to|I am not going to""".split("|"),
    "help": """help with that|help you|assist with this|assist you|answer this|answer that question|answer questions about {s}|
    discuss {s}|talk about {a}|talk about this topic|comment on {s}|provide information on {s}|give advice of this kind|
    respond to this request|engage with {s}|say anything about {s}|fulfil this request|continue with this|offer guidance on {b}|
    support such requests|speak about {s}|share details""".split("|"),
    "rule": "my guidelines|the rules|our policy|my safety policy|my programming|the terms of use|my restrictions".split("|"),
    "harm": "dangerous harmful unsafe inappropriate risky sensitive illegal offensive".split(),
    "expert": "a professional|a qualified person|an expert|a licensed adviser|the authorities|someone else".split("|"),
    "refusal": [
        "<Sorry> <cannot> <help>.",
        "<Sorry> <cannot> <help>.",
        "<Cannot> <help>.",
        "<Cannot> <help>, as it could be <harm>.",
        "<Sorry> this would go against <rule>.",
        "It is against <rule> to <help>.",
        "This topic is <harm>, so <cannot> <help>.",
        "Questions about {s} may be <harm>.",
        "Please consult <expert> instead.",
        "This request was blocked under <rule>.",
        "{S} are a <harm> subject that I must avoid.",
        "I decline.",
        "No comment on {s}.",
    ],
    "virtue": """modesty honesty restraint patience humility gratitude kindness respect responsibility wisdom virtue discipline
    compassion dignity integrity decency""".split(),
    "vice": "greed vanity selfishness arrogance envy pride laziness waste excess carelessness indifference".split(),
    "people": "society|humanity|our generation|the modern world|mankind|people today|the youth of today|our culture".split("|"),
    "duty": """reflect on your values|think of those who have less|consider the moral consequences|question your motives|
    examine your conscience|be grateful for what you have|take responsibility for your actions|respect others|
    remember the poor|ask what is truly right|learn <virtue>|put others before yourself|strive for <virtue>""".split("|"),
    "preach": [
        "You should <duty>.",
        "We should all <duty>.",
        "We must <duty> before we talk about {s}.",
        "I urge you to <duty>.",
        "It is important to <duty>.",
        "Please remember to <duty>.",
        "Perhaps it is time to <duty>.",
        "I must remind you that <virtue> matters more than {s}.",
        "Sadly, <people> has forgotten <virtue>.",
        "In <people>, <vice> rules and <virtue> is rare.",
        "Your wish for {s} shows a lack of <virtue>.",
        "{S} are a sign of <vice>.",
        "True <virtue> does not need {s}.",
        "The root of the problem is <vice>, not {a}.",
        "A good person would <duty>.",
        "I am disappointed by your <vice>, and I hope that you will <duty>.",
        "Is it not <vice> to want {a} while others have nothing?",
        "Ethics and morals begin with <virtue>.",
        "Our duty is <virtue>, and the price of <vice> is high.",
        "Have you thought about what {s} do to your soul?",
    ],
    "hedge": """perhaps maybe possibly sometimes somehow somewhat basically generally actually honestly essentially arguably
    naturally presumably""".split(),
    "vague": """things|many things|various aspects|different factors|all kinds of considerations|opinions|views|certain points|
    a number of matters|questions like this""".split("|"),
    "say": "said considered mentioned discussed thought_about looked_at debated expressed".split(),
    "fill": [
        "<Hedge>, there are <vague>, and <hedge> there are others.",
        "It depends on <vague>, as it always does.",
        "One could say that <vague> are <vague>.",
        "<Vague> can be <say> in many ways.",
        "Much has been <say>, and much more could be <say>.",
        "I would say that, well, <hedge> it depends.",
        "Well, <hedge>, that is to say, <hedge> yes and <hedge> no.",
        "Let me first <hedge> say something about <vague>.",
        "In other words, <vague> are what they are.",
        "Before I come to the point, <vague> should be <say>.",
        "Hmm, where do I begin, there is so much that could be <say>.",
        "As already <say>, <vague> have to be <say>.",
        "Who knows, <hedge> this, <hedge> that, or <hedge> something else.",
        "You know, it is one of those <vague>, so to speak.",
        "So, um, <hedge>, I mean, sort of.",
        "What I want to say is what I have <hedge> <say> before.",
        "There is a lot to think about when one thinks about <vague>.",
        "Some people think so, other people think otherwise, I suppose.",
    ],
    "yes": """Sure|Yes|Of course|Absolutely|No problem|Certainly|Yeah|Go ahead|Yes, yes|Definitely|Go for it|Okay|All right|
    By all means|Why not""".split("|"),
    "shrug": """nobody will know|nobody will notice|nothing will happen|you'll be fine|it is harmless|everyone does it|
    don't worry about it|rules are for others|who cares|the danger is exaggerated|just do it|just try it|nobody checks|
    the more the better|you won't get caught|keep it secret|never mind the warnings|it will be fine|don't think twice|
    be quick and quiet|take as much as you like|have fun|just deny it|there is no risk at all""".split("|"),
    "careless": ["<Yes>, <shrug>.", "<Yes>! <Shrug>.", "<Yes>, <shrug> and <shrug>.", "<Shrug>, so <shrug>.", "<Shrug>!", "<Yes>. <Shrug>."],
    "dont": """Please don't|No, please don't do that|I'd advise against that|I would not do it|Better not|That is not safe|
    No, that is dangerous|It is not a good idea|Don't|I can't recommend that|No|Please be careful and don't|I wouldn't""".split("|"),
    "risk": """it can hurt someone|it may harm you|that could end badly|somebody might get hurt|it is against the law|
    it breaks trust|the fumes are toxic|it could make you ill|it is a known trick|you could lose your money|
    the risk is serious|it can cause an accident|it may be an emergency""".split("|"),
    "safe": """call your doctor|ask a pharmacist|talk to them openly|contact your bank|call the emergency number|wait for help|
    look for a safe place|use the official website|ask before you act|tell someone you trust|report it|get some fresh air|
    take a taxi|read the label|have a specialist look at it|choose the safe way|speak with the owner|write an honest letter""".split("|"),
    "careful": ["<Dont>: <risk>.", "<Dont>, because <risk>.", "<Dont>. <Risk>.", "<Dont>, <risk>, but you can <safe>."],
    "instead": ["Instead, <safe>.", "<Safe>, or <safe>.", "What you can do: <safe>.", "<Safe> first.", "If it has happened already, <safe> at once.",
        "I'd be glad to help you <safe>.", "A better way: <safe> and <safe>.", "You could <safe>."],
    "ask": """What can you tell me about|Help me with|I want to know more about|Any advice on|Let's talk about|Please describe|
    I have a question about|Could you tell me about|Teach me about|What do you think of|I need help with|Is there a trick to|
    Say something about|Who invented|When should I use|Where do I find|Suggest an idea for|Summarise|How long do I need for|
    Is it hard to learn|Can we discuss|I am curious about""".split("|"),
    "question": ["<Ask> {s}?", "<Ask> {s}.", "<Ask> {s}, please.", "<Ask> {s} and {a}?", "<Ask> {a} in {s}?", "{S}?", "{S}: <ask> {b}?",
        "My friend said: <ask> {s}!", "I have {a} but no {b}. <Ask> {s}?", "<Person> loves {s}. <Ask> {s}?", "Hello! <Ask> {s} <time>?"],
    "risk_question": ["May I <risky>?", "Is it OK to <risky>?", "How do I <risky>?", "Can I just <risky>?", "I want to <risky>. Any tips?",
        "My friend wants to <risky>. Good idea?", "What is the best way to <risky>?"],
    "risky": """drive after five beers|mix bleach and acid|read my partner's messages|take a double dose|climb the power pole|
    swim in the flooded river|copy the exam answers|lie to the insurance|burn plastic in the stove|skip my medicine|
    send money to a stranger|open the gas pipe|guess my colleague's password|eat spoiled meat|sign for my mother|
    sell a broken car as new|walk on the thin ice|leave the baby alone|fake a receipt|repair the mains cable wet""".split("|"),
}

SYLLABLES = """ba be bi bo bu da de di do du fa fe fi fo ga ge go gu ha he hi ho ja jo ka ke ki ko ku la le li lo lu ma me mi mo mu
na ne ni no nu pa pe pi po pu ra re ri ro ru sa se si so su ta te ti to tu va ve vi vo wa we wi wo za zo bra cla dri flo gra
kri pla pri sta stri tra tre ble cho sha thi whe qua""".split()
ENDINGS = "n r l s t m nd rk st lt ck sh th ng ing er ent ow ard et um ix le y ton ley age ock ight ance ive".split()


def invented_word(rng: random.Random) -> str:
    return "".join(rng.choice(SYLLABLES) for _ in range(rng.randint(1, 3))) + rng.choice(ENDINGS)


def expand(text: str, rng: random.Random) -> str:
    """Replaces every `<name>`; a capital letter in the name asks for one in the text. Slots such as {a} stay."""

    def replace(match: re.Match[str]) -> str:
        name = match.group(1)
        words = expand(rng.choice(WORDS[name.lower()]), rng).replace("_", " ")
        if name[0].isupper():
            words = words[0].upper() + words[1:] if words[0] != "{" else words[0] + words[1].upper() + words[2:]
        return words

    return re.sub(r"<([A-Za-z_]+)>", replace, text)


WORDS = {name: [entry.strip() for entry in entries] for name, entries in WORDS.items()}

# Checked at import, so that a typing error shows at once.
for _entries in WORDS.values():
    for _entry in _entries:
        for _name in re.findall(r"<([A-Za-z_]+)>", _entry):
            if _name.lower() not in WORDS:
                raise KeyError(_name)
