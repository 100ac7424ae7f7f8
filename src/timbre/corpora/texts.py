"""Plain sentences for synthetic speech: words of a language in a seeded order, meaning nothing."""

from __future__ import annotations

import numpy as np

from timbre.errors import TimbreError, did_you_mean

WORDS = {
    "en": """
        after always animal another answer apple autumn basket beautiful because before bird blue boat bread
        bridge bright brother brown candle carry castle chair child choose city cloud coffee cold corner country
        dance doctor door dream early earth evening family farmer father field finger fire flower follow forest
        friend garden gentle glass golden grandmother green happy harbour heavy hill honey horse hour house
        hundred island journey kitchen laugh letter light listen little market measure milk minute money moon
        morning mother mountain music narrow neighbour night ocean often orange paper people picture piece
        pleasure pocket quick quiet rain remember river road school season seven shadow shoulder silver simple
        sister small snow song south spring station stone story strange street summer sunday table teacher thank
        thousand through tomorrow travel tree under valley very village visit voice walk warm water weather white
        window winter wonder yellow young
    """,
    "de": """
        Abend aber alle alt Apfel Arbeit Auge Bach bald Baum Berg besser Bild blau Blume Boden braun Brief Bruder
        Brücke Buch Dach danken denken Donner draußen dunkel Ecke Eis Erde erzählen Fenster Feuer finden Fluss
        fragen Frau freuen Freund früh Frühling fünf Garten gehen gelb Geschichte gestern Glas glücklich groß grün
        gut Hafen Haus heute Himmel hinter hoch hören Hund immer Insel jetzt Jahr jung kalt kaufen Kind Kirche
        klein kommen König Kuchen Land lang laufen leise lernen lesen Licht Liebe machen Mädchen Markt Meer Milch
        Mittag Mond morgen Mutter Nacht neben Nachbar neu oben Pferd Regen reich Reise rot rufen Schatten schlafen
        Schnee schön Schule Schwester sehen sieben singen Sommer Sonne spielen Stadt Stein Stimme Straße suchen
        Tisch träumen unter Vater viel Vogel Wald warm warten Wasser Weg weiß Wetter Winter Woche wohnen Zeit
        Zimmer zusammen zwölf
    """,
    "fr": """
        acheter aimer ami an animal arbre après argent automne avant beau blanc bleu boire bois bonjour bouche
        brun café campagne chaise chambre chanson chanter chapeau chat chaud chemin cheval chien choisir ciel cinq
        clair cœur colline couleur courir cousin cuisine danser demain dernier deux dimanche docteur dormir doux
        eau école écouter enfant entre été étoile famille femme fenêtre fête feu feuille fille fleur forêt frère
        froid fruit garçon gâteau grand grenouille heure heureux hier hiver homme île jaune jardin jeune joie jour
        lait lentement lettre lire lumière lune main maison manger marché matin mer mère midi montagne mouton
        musique neige neuf noir nuit oiseau ombre orange oublier pain papier parler pays pêche père petit peuple
        pierre pluie poisson pont porte printemps quatre question regarder reine rivière robe rouge rue saison
        sœur soir soleil sombre souvent table temps tranquille trouver vent vers vert vieux village ville voisin
        voiture voyage vrai
    """,
    "fa": """
        آب آسمان آفتاب آهسته اسب امروز انار انگشت باران بازار باغ برادر برف برگ بزرگ بهار بیدار پاییز پدر پرنده
        پسر پنجره پنیر تابستان تازه ترانه جاده جنگل جوان چای چراغ چشم چهار حیاط خاک خانه خواب خواهر خوب خورشید
        داستان دانه درخت دریا دست دفتر دوست دیروز دیوار راه رنگ رود روز روشن زبان زرد زمین زمستان زیبا سبز سپید
        ستاره سفر سنگ سیب شاد شب شعر شهر شیر صبح صدا صندلی عسل فردا فرش کبوتر کتاب کوچک کودک کوه گربه گرم گل گندم
        لباس ماه ماهی مادر مدرسه مردم مهتاب مهمان میوه نان نامه نقاشی نور نیمه هفت همسایه هوا یاد یار یخ
    """,
    "cmn": """
        今天 明天 昨天 早上 晚上 中午 春天 夏天 秋天 冬天 天气 太阳 月亮 星星 下雨 下雪 高山 大海 河水 森林 花园
        草地 城市 乡村 街道 学校 老师 学生 朋友 家人 爸爸 妈妈 哥哥 姐姐 弟弟 妹妹 孩子 医生 工作 休息 吃饭 喝茶
        牛奶 面包 水果 苹果 香蕉 西瓜 蔬菜 鸡蛋 米饭 桌子 椅子 窗户 房子 厨房 电话 电影 音乐 唱歌 跳舞 跑步 走路
        飞机 火车 汽车 自行车 红色 绿色 黄色 蓝色 白色 黑色 高兴 快乐 安静 漂亮 干净 便宜 容易 困难 喜欢 知道 觉得
        开始 结束 回家 出门 帮助 准备 介绍 参加 看书 写字 买东西 图书馆 动物园 小猫 小狗 老虎 大象 小鸟 鱼儿 时间
        问题 故事 报纸 礼物 生日 旅行 北方 南方 东边 西边
    """,
}


def sentence(language: str, words: int, rng: np.random.Generator) -> str:
    """``words`` different words in a row; the language may name a region (``en-us``).

    Raises:
        TimbreError: for a language without words here, and for more words than there are.
    """
    known = WORDS.get(language.split("-")[0])
    if known is None:
        raise TimbreError(f"there are no words for the language '{language}'{did_you_mean(language, WORDS)}")
    if not 1 <= words <= len(known.split()):
        raise TimbreError(f"a sentence of {words} words: there are 1 to {len(known.split())} in '{language}'")
    return " ".join(rng.choice(known.split(), size=words, replace=False))
