"""Word lists for ranking English conversation: words to ignore, words that mean the same, sentences without content.

The lists are general English of everyday chats, written by hand after reading questions of LoCoMo's train
conversations. Which lists are used, and their weights, were chosen on that data. Other languages find nothing here.
"""

from __future__ import annotations

# Words that say nothing about a subject. The offline reader counts these out too; its weights were fitted with them.
FUNCTION_WORDS = frozenset(
    """
    a about again all also am an and any are as at be been being but by can could did do does doing down each for from
    had has have having he her here him his how i if in into is it its just me more most my no not of on or other our
    out over own same she should so some such than that the their theirs them then there these they this those to too
    under up us very was we were what when where which who whom whose why will with would you your yours
    """.split()
)
STOPWORDS = FUNCTION_WORDS | frozenset(
    """
    after aren arent because before both cant couldn couldnt d didn didnt doesn doesnt don done dont during few further
    hello hers herself hey hi himself id im isn isnt itself ive ll m myself nor now off oh ok okay once only ours
    ourselves re s t themselves through until ve wasn wasnt while wont wouldn wouldnt wow yeah yep yes youre yourself
    yourselves youve
    """.split()
)


# Words about the conversation itself: "What did I mention across our chats?" asks for none of them.
META_WORDS = frozenset(
    "mention mentions mentioned discuss discussed conversation conversations throughout across".split()
)

# Words of a question for whatever was on some days, folded: "What happened yesterday?" asks for no line that has them.
EVENT_WORDS = META_WORDS | frozenset(
    "happen happens happened happening occur occurred talk talks talked talking chat chatted say said speak spoke "
    "gesprochen geredet hablamos hablado hablaron falamos falaram parle parlato gepraat konustuk rozmawialismy".split()
)


def _read_inflections(written: str) -> dict[str, str]:
    """Inflected form -> base form, from `base:form,form` entries."""
    entries = (entry.partition(":") for entry in written.split())
    return {form: base for base, _, forms in entries for form in forms.split(",")}


# Irregular inflections, to their base form: the stemmer knows only regular ones. The offline reader shares the first.
COMMON_IRREGULAR: dict[str, str] = _read_inflections(
    """
    begin:began,begun break:broke,broken bring:brought build:built buy:bought choose:chose,chosen come:came
    draw:drew,drawn drive:drove eat:ate,eaten fall:fell feel:felt find:found fly:flew get:got give:gave,given
    go:went,gone grow:grew,grown hear:heard hold:held keep:kept know:knew,known leave:left lose:lost make:made
    meet:met run:ran say:said see:saw,seen sell:sold send:sent spend:spent swim:swam take:took,taken teach:taught
    tell:told think:thought win:won write:wrote,written
    """
)
IRREGULAR: dict[str, str] = COMMON_IRREGULAR | _read_inflections(
    """
    become:became catch:caught child:children cook:cooked die:died,dying,death,dead drink:drank,drunk drive:driven
    fall:fallen feed:fed fight:fought fly:flown forget:forgot,forgotten foot:feet get:gotten go:goes lead:led
    learn:learnt life:lives man:men mean:meant pay:paid person:people read:reading ride:rode,ridden shoot:shot
    sing:sang,sung sleep:slept speak:spoke,spoken stand:stood swim:swum throw:threw,thrown tooth:teeth
    understand:understood wake:woke,woken wear:wore,worn wife:wives woman:women
    """
)

# Words that replace one another between a question and the turn that answers it.
SYNONYM_GROUPS: tuple[tuple[str, ...], ...] = tuple(
    tuple(line.split())
    for line in """
    job work career occupation profession company office position
    kid child son daughter baby
    mom mother mum parent
    dad father parent
    wife husband spouse partner marry wedding married
    girlfriend boyfriend date partner relationship
    grandma grandmother grandparent granny
    grandpa grandfather grandparent
    family relative sibling brother sister
    friend buddy pal mate
    pet dog puppy cat kitten animal
    dog puppy pup
    cat kitten kitty
    buy purchase get order
    movie film watch cinema
    picture photo photograph image
    paint painting art artwork draw drawing sketch
    trip travel vacation holiday journey visit tour roadtrip
    begin start launch open
    finish complete end graduate
    sick ill illness disease health
    injury hurt injure sprain accident
    doctor hospital medical checkup
    car vehicle drive truck
    store shop boutique market
    house home apartment place
    bike bicycle cycle cycling
    gift present give
    win award prize trophy victory medal
    competition contest tournament championship game match
    class lesson course workshop
    school college university education study degree
    concert show gig perform performance festival
    music song band tune album instrument
    church faith religious religion spiritual god
    hobby interest passion activity enjoy love
    exercise workout gym fitness yoga run
    food dish meal recipe cook eat cuisine
    dessert cake pastry cookie bake
    drink coffee tea beer wine
    restaurant cafe diner eat
    book novel read story author
    write writing screenplay script poem blog
    sea ocean beach coast
    hike hiking trail walk nature mountain
    camp camping tent outdoors
    plant garden flower gardening
    money financial finance afford expensive pay
    charity volunteer donate fundraise shelter community
    stress relax calm destress unwind
    afraid scared fear worry anxious nervous
    happy glad joy excited proud
    sad upset grief loss mourn
    nickname call name
    country city state town abroad
    move relocate live
    birthday party celebrate celebration
    goal plan dream aim want
    advice suggest recommend tip suggestion
    meet met encounter reunite
    computer laptop tech technology software app
    game gaming console video
    team club group squad
    problem issue challenge obstacle setback difficult trouble
    support help encourage assist
    speak talk speech conversation chat
    age old year birthday
    buy collect collection
    cause reason inspire motivate
    dance dancer dancing studio
    cloth clothing clothes fashion dress wear
    member join participate attend
    """.strip().split("\n")
)

# A question names a class ("hobbies"), the turn an instance ("hiking"): words before the colon ask for words after it.
CLASSES: tuple[tuple[tuple[str, ...], tuple[str, ...]], ...] = tuple(
    (tuple(classes.split()), tuple(instances.split()))
    for classes, _, instances in (
        line.partition(":")
        for line in """
    hobby activity interest pastime leisure: hike hiking paint painting read reading cook cooking bake baking \
        garden gardening fish fishing photography photo knit pottery dance dancing guitar piano yoga run running swim \
        swimming cycle cycling bike camp camping chess gaming puzzle write writing draw drawing surf surfing ski \
        skating collect sew craft woodwork birdwatch
    pet animal: dog cat puppy kitten turtle hamster rabbit bird parrot fish horse snake lizard
    instrument: guitar piano violin drum clarinet flute trumpet cello saxophone ukulele keyboard
    sport exercise fitness workout: basketball soccer football tennis baseball volleyball golf hockey yoga run \
        running swim gym weight boxing karate surf ski marathon jog
    food meal dish snack cuisine eat recipe: pizza pasta salad soup chicken fish burger sandwich bread cheese rice \
        noodle taco curry steak cake cookie chocolate fruit vegetable
    dessert sweet treat bake: cake cookie pie brownie muffin chocolate pudding cupcake tart pastry icecream cream
    drink beverage: coffee tea wine beer juice water smoothie cocktail
    country nation abroad: america usa canada england france italy spain germany ireland japan china india mexico \
        brazil australia sweden norway thailand greece turkey portugal scotland switzerland
    city town place state area location: york london paris boston chicago seattle francisco angeles vegas miami \
        tokyo rome barcelona toronto florida texas california
    place visit travel vacation trip destination: beach mountain park museum lake forest island castle cabin city \
        country hotel
    family relative: mom dad mother father sister brother grandma grandpa aunt uncle cousin son daughter wife \
        husband kid niece nephew
    book novel author series: read harry potter lord rings page chapter author story fantasy mystery
    game video: mario zelda pokemon strategy console xbox nintendo playstation switch strike chess monopoly card \
        board
    movie film show: watch netflix marvel avengers comedy drama thriller romcom trilogy series episode
    music genre artist band song: jazz rock classical pop country hip hop concert album guitar singer
    art artwork medium: painting sculpture drawing watercolor pottery mural canvas portrait photography abstract
    vehicle transport: car truck bike motorcycle van bus train plane boat jeep
    job career profession occupation work: teacher nurse doctor engineer artist writer chef designer manager \
        lawyer counselor coach developer internship hire promotion interview
    class course lesson workshop: pottery yoga cooking dance painting training seminar lecture certificate
    gift present: necklace ring book flower card bracelet watch ticket
    health problem issue condition illness injury: pain surgery hospital doctor asthma allergy ankle knee back \
        stomach diet weight blood heart
    emotion feel feeling: happy sad excited nervous proud scared grateful anxious stressed relieved
    event celebrate celebration: party wedding birthday festival parade concert fair gala reunion ceremony \
        graduation
    charity cause community volunteer: shelter homeless donate fundraiser veteran food drive cleanup
    outdoor nature: hike camp trail forest lake waterfall sunset mountain beach park picnic
    stress destress relax cope unwind: yoga walk read bath music meditation run nature paint
    item buy purchase bought: shoes dress car laptop phone camera book bag jacket figurine painting
    color colour: red blue green yellow pink purple black white orange
    symbol symbolize represent: freedom strength love hope courage
    subject study major degree school education: psychology engineering art business law biology math history \
        counseling computer
    tech technology device gadget: phone laptop computer app drone camera robot software
    country nation abroad nationality: afghanistan albania algeria argentina armenia australia austria azerbaijan \
        bangladesh belarus belgium bolivia bosnia brazil bulgaria cambodia cameroon canada chile china colombia congo \
        croatia cuba cyprus denmark ecuador egypt england estonia ethiopia finland france georgia germany ghana greece \
        guatemala haiti honduras hungary iceland india indonesia iran iraq ireland israel italy jamaica japan jordan \
        kazakhstan kenya korea kosovo kuwait laos latvia lebanon libya lithuania luxembourg macedonia malaysia malta \
        mexico moldova mongolia montenegro morocco mozambique myanmar nepal netherlands nicaragua nigeria norway oman \
        pakistan panama paraguay peru philippines poland portugal qatar romania russia rwanda scotland senegal serbia \
        singapore slovakia slovenia somalia spain sudan sweden switzerland syria taiwan tanzania thailand tunisia \
        turkey uganda ukraine uruguay usa uzbekistan venezuela vietnam wales yemen zambia zimbabwe states kingdom \
        emirates holland
    city town: amsterdam athens atlanta austin baltimore bangkok barcelona beijing berlin boston brussels budapest \
        cairo chicago copenhagen dallas delhi denver detroit dubai dublin edinburgh florence frankfurt geneva hamburg \
        helsinki houston istanbul jakarta jerusalem kyoto lima lisbon london madrid manchester manila melbourne miami \
        milan montreal moscow mumbai munich nairobi naples nashville orlando osaka oslo oxford paris philadelphia \
        phoenix portland prague rome seattle seoul shanghai stockholm sydney tokyo toronto vancouver venice vienna \
        warsaw zurich
    state region province: alabama alaska arizona california carolina colorado connecticut dakota delaware florida \
        georgia hawaii idaho illinois indiana iowa kansas kentucky louisiana maine maryland massachusetts michigan \
        minnesota missouri montana nebraska nevada jersey ohio oklahoma oregon pennsylvania tennessee texas utah \
        vermont virginia wisconsin wyoming ontario quebec bavaria tuscany catalonia
    language speak tongue: arabic bengali cantonese chinese czech danish dutch english finnish french german greek \
        hebrew hindi hungarian italian japanese korean latin mandarin norwegian persian polish portuguese punjabi \
        romanian russian spanish swahili swedish tagalog thai turkish ukrainian urdu vietnamese
    food meal dish eat snack cook cuisine order lunch dinner breakfast: apple avocado bacon bagel banana barbecue \
        bbq beans beef biryani bread broccoli brownie burger burrito butter cake carrot cereal cheese chicken chili \
        chips chocolate corn crab croissant cucumber curry dosa duck dumpling egg falafel fish fries garlic grill ham \
        honey hotdog hummus kebab kimchi lamb lasagna lentil lobster mango meat meatball mushroom nachos naan noodle \
        nuts omelette onion orange paella pancake pasta peanut pepper pho pie pizza popcorn pork porridge potato \
        pudding quesadilla ramen ravioli rice risotto salad salmon samosa sandwich sausage seafood shrimp soup \
        spaghetti spinach steak stew strawberry sushi taco tiramisu toast tofu tomato tuna turkey waffle wings wrap \
        yogurt
    ingredient fruit vegetable: apple avocado banana basil berry blueberry broccoli butter carrot cherry cinnamon \
        coconut cucumber egg flour garlic ginger grape honey kale lemon lettuce lime mango milk mint mushroom olive \
        onion orange peach pear pepper pineapple potato pumpkin salt spinach strawberry sugar tomato vanilla \
        watermelon zucchini
    drink beverage alcohol bar: ale beer bourbon champagne cider cocktail cocoa coffee coke espresso gin juice \
        kombucha latte lemonade margarita matcha milk milkshake mojito rum sake smoothie soda tea tequila vodka water \
        whiskey wine
    restaurant eat food chain: applebees buffet burger chipotle deli diner dominos kfc mcdonalds pizzeria sandwich \
        starbucks steakhouse subway sushi taco taqueria wendys
    store shop brand retailer supermarket buy: adidas aldi amazon apple bestbuy costco ebay etsy gucci gap ikea \
        lidl lululemon mall market nike nordstrom outlet pharmacy sephora target thrift uniqlo walgreens walmart zara
    cloth clothing wear outfit fashion accessory: belt blouse boots bracelet cap coat dress earrings glasses \
        gloves hat heels hoodie jacket jeans jumper leggings necklace pajamas pants ring sandals scarf shirt shoes \
        shorts skirt sneakers socks suit sunglasses sweater sweatshirt swimsuit tie trousers tuxedo uniform vest watch
    illness disease sick health condition symptom medical injury: ache allergy anemia anxiety arthritis asthma \
        bronchitis cancer chickenpox cold concussion cough covid cramp dehydration depression diabetes diarrhea eczema \
        fever flu fracture headache infection insomnia malaria measles migraine nausea pneumonia rash sprain stroke \
        sunburn surgery throat tonsils toothache tumor ulcer virus vomit
    medicine medication treatment drug: antibiotic aspirin chemotherapy ibuprofen inhaler injection insulin \
        painkiller pill physiotherapy steroid surgery tablet therapy tylenol vaccine vitamin
    body part injury hurt: ankle arm back chest ear elbow eye face finger foot hand head heart hip jaw knee leg \
        lung muscle neck nose rib shoulder skin spine stomach throat thumb toe tooth wrist
    relative family member: aunt brother cousin dad daughter father fiance grandfather grandma grandmother grandpa \
        husband mom mother nephew niece parents sibling sister son spouse stepfather stepmother twin uncle wife
    pet animal breed: alpaca beagle bear bee bird bulldog bunny butterfly cat chicken chihuahua collie corgi cow \
        crab dachshund deer dog dolphin donkey duck eagle elephant ferret fish fox frog gecko giraffe goat goldfish \
        goose greyhound guinea hamster hedgehog horse husky iguana kitten koala labrador lion lizard monkey mouse \
        octopus otter owl panda parakeet parrot penguin pig pigeon pony poodle pug puppy rabbit raccoon rat retriever \
        rooster seal shark sheep shepherd siamese snail snake spaniel spider squirrel swan tabby terrier tiger \
        tortoise turtle whale wolf zebra
    dog: beagle boxer bulldog chihuahua collie corgi dachshund dalmatian doberman greyhound hound husky labrador \
        mutt poodle pug puppy retriever rottweiler schnauzer setter shepherd spaniel terrier whippet
    cat: calico kitten kitty persian ragdoll siamese tabby tomcat
    plant flower tree garden: basil bamboo bonsai cactus carnation cedar daffodil daisy fern hydrangea ivy jasmine \
        lavender lilac lily maple marigold mint monstera oak orchid palm peony petunia pine poppy rose rosemary \
        sunflower succulent tulip violet willow
    sport athlete team play exercise fitness: archery badminton baseball basketball billiards bowling boxing \
        climbing cricket crossfit curling cycling darts diving fencing fishing football frisbee golf gymnastics \
        handball hockey jiujitsu jogging judo karate kayaking kickboxing lacrosse lifting marathon netball parkour \
        pickleball pilates polo rafting rowing rugby running sailing skateboard skating skiing snowboard soccer \
        softball squash surfing swimming taekwondo tennis triathlon volleyball weightlifting wrestling yoga
    hobby interest pastime leisure activity free: archery baking birdwatching blogging calligraphy camping chess \
        climbing collecting cooking crochet cycling dancing drawing embroidery fishing gaming gardening guitar hiking \
        hunting journaling juggling kayaking knitting lego magic meditation origami painting photography piano podcast \
        pottery puzzles reading running sailing scrapbooking sculpting sewing singing skating sketching skiing surfing \
        swimming travelling volunteering woodworking writing yoga
    instrument play music: accordion banjo bass bassoon cello clarinet drums fiddle flute guitar harmonica harp \
        keyboard mandolin oboe organ percussion piano saxophone synth tabla trombone trumpet tuba ukulele viola violin
    music genre style listen: blues classical country disco dubstep edm electronic folk funk gospel grunge hiphop \
        house indie jazz kpop latin metal opera pop punk rap reggae rock salsa soul techno
    movie film show series genre watch: action animation anime cartoon comedy documentary drama episode fantasy \
        horror hulu musical mystery netflix romance season sitcom thriller trailer western
    book genre read literature: autobiography biography classic comic fantasy fiction manga memoir mystery \
        nonfiction novel poetry romance scifi thriller
    game video board play: backgammon cards catan checkers chess console crossword dominoes fifa fortnite jenga \
        league ludo mahjong minecraft monopoly nintendo playstation poker pokemon puzzle roblox rummy scrabble sims \
        steam sudoku switch tetris trivia uno valorant warcraft xbox zelda
    app platform social media website: discord facebook gmail instagram linkedin messenger netflix pinterest \
        reddit signal skype slack snapchat spotify telegram tiktok tinder tumblr twitch twitter whatsapp youtube zoom
    job career profession occupation work role: accountant actor analyst architect artist author baker barista \
        bartender carpenter cashier chef cleaner clerk coach consultant contractor counselor dentist designer \
        detective developer director doctor driver editor electrician engineer entrepreneur farmer firefighter \
        freelancer hairdresser intern janitor journalist judge lawyer lecturer lifeguard manager mechanic model \
        musician nanny nurse officer painter paramedic pharmacist photographer physician pilot plumber police \
        politician producer professor programmer psychologist realtor receptionist recruiter researcher salesman \
        scientist secretary singer soldier surgeon tailor teacher therapist translator tutor veterinarian waiter \
        waitress writer
    subject study major degree course field class: accounting anthropology architecture art astronomy biochemistry \
        biology business calculus chemistry computing criminology dentistry design economics education engineering \
        finance geography geology history journalism law linguistics literature marketing mathematics mba mechanical \
        medicine neuroscience nursing pharmacy philosophy physics politics premed psychology sociology statistics \
        theology
    school university college education: berkeley cambridge campus harvard mit oxford princeton stanford ucla yale
    religion religious faith belief: allah bible buddhist catholic christian church diwali easter eid god hindu \
        islam jesus jewish mosque muslim prayer pray quran ramadan synagogue temple
    holiday celebrate celebration festival occasion event: anniversary baptism birthday christmas diwali easter \
        eid funeral graduation halloween hanukkah ramadan thanksgiving valentine wedding eve
    vehicle car transport transportation travel: airplane audi bicycle bike bmw boat bus chevy cruise ferry flight \
        ford helicopter honda jeep lyft mercedes metro moped motorbike motorcycle nissan plane scooter ship skateboard \
        subway suv taxi tesla toyota train tram truck uber van volkswagen volvo yacht
    color colour: beige black blue brown cream crimson cyan gold gray green grey indigo ivory lavender magenta \
        maroon navy orange pink purple red silver teal turquoise violet white yellow
    furniture home household appliance room decor: bed blender bookshelf cabinet candle carpet chair closet couch \
        curtain desk dishwasher dresser fan freezer fridge heater lamp mattress microwave mirror oven pillow rug shelf \
        sofa stove table toaster vacuum wardrobe washer
    tool equipment gear supply: axe brush camera compass drill hammer helmet knife ladder lens paintbrush rope saw \
        scissors screwdriver shovel tripod wrench
    weather climate: blizzard breeze cloudy cold drought flood fog forecast freezing hail heatwave hot humid \
        hurricane lightning rain rainy snow snowy storm sunny sunshine thunder thunderstorm tornado typhoon warm wind \
        windy
    natural disaster: avalanche blizzard drought earthquake flood hurricane landslide tornado tsunami typhoon \
        volcano wildfire
    place visit attraction landmark destination sightseeing: aquarium bridge canyon castle cathedral cave cliff \
        desert dunes fort gallery harbor hotel island lake lighthouse market memorial monument mosque museum palace \
        park pier plaza pyramid river ruins temple tower volcano waterfall zoo
    emotion feeling feel mood: angry annoyed anxious ashamed bored calm confident confused depressed disappointed \
        embarrassed excited exhausted frustrated glad grateful guilty happy homesick hopeful jealous lonely nervous \
        overwhelmed proud relaxed relieved sad scared shocked stressed surprised tired upset worried
    personality trait character describe quality: ambitious brave caring creative curious funny generous honest \
        introverted kind lazy loyal optimistic organized outgoing patient quiet reliable sensitive shy stubborn \
        talkative
    jewelry accessory: bracelet brooch earrings necklace pendant ring watch
    device gadget technology electronics: airpods alexa android camera computer console drone headphones ipad \
        iphone kindle laptop macbook monitor mouse phone printer projector router smartphone smartwatch speaker tablet \
        television tv
    programming language framework library tool stack technology: angular api aws azure bash bootstrap celery css \
        cypress django docker elasticsearch express fastapi firebase flask flutter git github golang graphql html java \
        javascript jenkins jest jquery json kafka kotlin kubernetes laravel mongodb mysql nextjs nginx node numpy \
        pandas postgres postgresql python pytest pytorch rails react redis ruby rust selenium spring sql sqlalchemy \
        sqlite swift tensorflow typescript vue webpack
    database storage: dynamodb elasticsearch firestore mongodb mysql oracle postgres postgresql redis sqlite
    relationship status dating love: boyfriend breakup crush date divorce engaged ex fiance girlfriend husband \
        married partner single spouse wife
    housing home live living residence: apartment basement condo cottage dorm farmhouse flat hostel house mansion \
        mortgage rent roommate studio townhouse
    weigh weight heavy: gram kg kilo kilogram lb lbs ounce pound stone tonne
    height tall: centimetre centimeter cm feet foot ft inch metre meter
    distance far: kilometre kilometer km metre meter mile
    temperature fever: celsius degree fahrenheit
    size big large: acre hectare sqm square
    speed fast: kmh kph mph
    money finance budget expense cost: bank bill bonus budget cash credit debt dollar euro fee insurance invest \
        loan mortgage paycheck pension price rent salary savings stock tax tuition wage
    cost price expensive cheap pay paid spend: buck cent dollar eur euro gbp pence pound quid rupee usd
    """.strip().split("\n")
    )
)

# A sentence of only these words (and names) contains no fact, for example "Wow, that sounds great!".
FILLER_WORDS = frozenset(
    """
    a about absolutely again agree all always am amazing an and any appreciate are as at awesome aw aww back bad be been
    best bet better by bye can care catch chat cheers come congrats congratulations cool could dear definitely did do
    does doing don dude else enjoy even ever exactly excited exciting fantastic feel feeling first for forward from
    fascinating fun glad go going gonna good goodbye gosh got great guess guys ha haha happy has have having
    hear hearing hello help here hey hi hope how i idea if im impressive in incredible indeed inspiring interesting is
    it its just keep kind know later let like little ll look looking looks lot lots love lovely luck m ma many maybe
    me mean means meant miss much my myself nice no not now of oh ok okay on one only our out perfect pretty
    proud re really right s say see seeing seems share sharing so some soon sorry sound sounds special still stuff such
    super support sure surely sweet t take talk talking tell thank thanks that the them then there these they thing
    things think this those though thoughtful through to together too totally touch true truly up us ve very want was
    way we welcome well were what when where which while who whoa why will wish with wonderful worries would wow
    yeah yep yes yet you your yours yourself awesomeness buddy pal kudos hooray woohoo yay
    """.split()
)
# "I" makes a sentence a statement about the speaker ("Yes, I did."), unless it is one of these courtesies ("I agree!").
FIRST_PERSON = frozenset("i im we my our me us myself".split())
YES_OR_NO = frozenset("yes yep no nope nah".split())
COURTESY_WORDS = frozenset(
    "agree appreciate bet congrats congratulations glad guess hope sorry sounds thank thanks wish wow".split()
)
# What makes a sentence a courtesy, a greeting, an exclamation or praise even where a question came before it, and what
# makes it an answer all the same: "Thanks, Bo!", "Hey!", "Awesome!"; "Not bad, thanks."
PLEASANTRIES = frozenset(
    """
    amazing appreciate aw aww awesome awesomeness bye cheers congrats congratulations cool fantastic fascinating glad
    excited exciting fun good goodbye gosh great ha haha happy hello hey hi hooray impressive incredible inspiring
    interesting kudos love lovely luck nice oh perfect proud sorry sounds special sweet thank thanks thoughtful welcome
    whoa wonderful woohoo wow yay
    """.split()
)
ANSWERING = YES_OR_NO | frozenset("always maybe never not yeah".split())
